"""Kronecker-structured ("multi-body") neuron layers for PyTorch.

A weight that is a sum of Kronecker products of small factors is applied to a batch without ever
being built. See `KroneckerLinear` for the layer, `QiMLP` for the network and `functional` for the
functions below them. `Predictor` needs the libraries of `pip install "qimlp[train]"`, the
estimators those of `[sklearn]`; they are therefore imported on first use.
"""

from typing import TYPE_CHECKING

from qimlp import _startup, correlation, functional
from qimlp._faces import lazy_face
from qimlp.models import MLP, QiMLP
from qimlp.nn import KroneckerLinear
from qimlp.shapes import KroneckerShape, Plan, plan

if TYPE_CHECKING:
    from qimlp.estimators import QiMLPClassifier, QiMLPRegressor
    from qimlp.predictor import Predictor

del _startup  # first of all: Ctrl-C while torch loads

__version__ = "0.1.0.dev0"

__all__ = [
    "MLP",
    "KroneckerLinear",
    "KroneckerShape",
    "Plan",
    "Predictor",
    "QiMLP",
    "QiMLPClassifier",
    "QiMLPRegressor",
    "correlation",
    "functional",
    "plan",
]

__getattr__ = lazy_face(
    __name__,
    {
        "qimlp.estimators": ("QiMLPClassifier", "QiMLPRegressor"),
        "qimlp.predictor": ("Predictor",),
    },
)
