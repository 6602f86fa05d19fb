"""Kronecker-structured ("multi-body") neuron layers for PyTorch.

A weight that is a sum of Kronecker products of small factors is applied to a batch without ever
being built. See `KroneckerLinear` for the layer, `QiMLP` for the network and `functional` for the
functions below them; `compress_` makes a trained model smaller and `add_adapters_` lets it learn
cheaply. `Predictor`, `distill` and the tuning of `compress_` need the libraries of
`pip install "qimlp[train]"`, the estimators those of `[sklearn]`. Names are imported on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from qimlp import _startup  # first of all: Ctrl-C while torch loads
from qimlp._faces import lazy_face
from qimlp._version import __version__ as __version__

if TYPE_CHECKING:
    from qimlp import correlation, functional
    from qimlp.compression import (
        AdapterConfig,
        CompressionConfig,
        CompressionReport,
        add_adapters_,
        load_compressed,
        save_compressed,
    )
    from qimlp.estimators import QiMLPClassifier, QiMLPRegressor
    from qimlp.models import MLP, QiMLP
    from qimlp.nn import KroneckerAdapter, KroneckerLinear
    from qimlp.predictor import Predictor
    from qimlp.shapes import KroneckerShape, Plan, plan
    from qimlp.training import compress_, distill

if _startup.STARTED is None:  # not the command, whose help needs no torch
    import_module("qimlp.ops")  # registers the operators, which an exported program may name

del _startup, import_module

__all__ = [
    "MLP",
    "AdapterConfig",
    "CompressionConfig",
    "CompressionReport",
    "KroneckerAdapter",
    "KroneckerLinear",
    "KroneckerShape",
    "Plan",
    "Predictor",
    "QiMLP",
    "QiMLPClassifier",
    "QiMLPRegressor",
    "add_adapters_",
    "compress_",
    "correlation",
    "distill",
    "functional",
    "load_compressed",
    "plan",
    "save_compressed",
]

_PACKAGES = (
    "compression",
    "correlation",
    "data",
    "distributed",
    "estimators",
    "export",
    "files",
    "functional",
    "hub",
    "models",
    "nn",
    "ops",
    "predictor",
    "settings",
    "shapes",
    "statistics",
    "sweeps",
    "tasks",
    "training",
)

__getattr__ = lazy_face(
    __name__,
    {
        "qimlp.compression": (
            "AdapterConfig",
            "CompressionConfig",
            "CompressionReport",
            "add_adapters_",
            "load_compressed",
            "save_compressed",
        ),
        "qimlp.estimators": ("QiMLPClassifier", "QiMLPRegressor"),
        "qimlp.models": ("MLP", "QiMLP"),
        "qimlp.nn": ("KroneckerAdapter", "KroneckerLinear"),
        "qimlp.predictor": ("Predictor",),
        "qimlp.shapes": ("KroneckerShape", "Plan", "plan"),
        "qimlp.training": ("compress_", "distill"),
    },
    packages=_PACKAGES,
)


def __dir__() -> list[str]:
    """Every public name, loaded or not, for completion."""
    return sorted({*globals(), *__all__, *_PACKAGES})
