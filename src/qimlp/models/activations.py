"""Activations by name, each with the gain that keeps the scale of what passes through it."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import NamedTuple

from torch import nn

from qimlp.files import shown


class Activation(NamedTuple):
    """A module and the gain of the layer before it.

    Attributes:
        make: Makes the module.
        gain: `1 / sqrt(E[f(z)^2])` for standard normal z, so that the next layer's input has
            unit second moment.
    """

    make: Callable[[], nn.Module]
    gain: float


ACTIVATIONS = MappingProxyType(
    {
        "gelu": Activation(nn.GELU, 1.5335),
        "relu": Activation(nn.ReLU, 1.4142),
        "silu": Activation(nn.SiLU, 1.6765),
        "tanh": Activation(nn.Tanh, 1.5926),
        "identity": Activation(nn.Identity, 1.0),
    }
)


def activation(name: str) -> Activation:
    """Look an activation up.

    Args:
        name: One of `ACTIVATIONS`.

    Raises:
        ValueError: An unknown name.
    """
    if not isinstance(name, str) or name not in ACTIVATIONS:
        expected = ", ".join(ACTIVATIONS)
        raise ValueError(f"activation: expected one of {expected}, got {shown(name)}")
    return ACTIVATIONS[name]
