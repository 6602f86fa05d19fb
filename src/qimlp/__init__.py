"""Kronecker-structured ("multi-body") neuron layers for PyTorch.

A weight that is a sum of Kronecker products of small factors is applied to a batch without ever
being built. See `KroneckerLinear` for the layer, `QiMLP` for the network and `functional` for the
functions below them.

Names are imported on first use, so that the command is there to answer Ctrl-C before torch is.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qimlp import correlation, functional
    from qimlp.models import MLP, QiMLP
    from qimlp.nn import KroneckerLinear
    from qimlp.shapes import KroneckerShape, Plan, plan

__version__ = "0.1.0.dev0"

__all__ = [
    "MLP",
    "KroneckerLinear",
    "KroneckerShape",
    "Plan",
    "QiMLP",
    "correlation",
    "functional",
    "plan",
]

_MODULES = ("correlation", "functional", "models", "nn", "shapes")
_HOME = {
    "KroneckerLinear": "nn",
    "KroneckerShape": "shapes",
    "MLP": "models",
    "Plan": "shapes",
    "QiMLP": "models",
    "plan": "shapes",
}


def __getattr__(name: str) -> Any:
    """Import a public name on first use.

    Args:
        name: The public name.

    Returns:
        The object of that name.

    Raises:
        AttributeError: If there is no such name.
    """
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names, imported or not."""
    return sorted({*globals(), *__all__})
