"""Layers put in the place of others in a model, and dense layers put back."""

from __future__ import annotations

from torch import nn

from qimlp.nn import dense_like, swap_

__all__ = ["restore_", "swap_"]


def restore_(model: nn.Module) -> list[str]:
    """Put dense layers in the place of those that a compression put there, in place.

    Every dense layer is of the class that the layer had before the compression and computes what
    the compressed layer does: the weights before it are not brought back.

    Args:
        model: The model.

    Returns:
        The names of the layers that are dense now.

    Raises:
        ValueError: The model is itself such a layer.
    """
    dense = {name: dense_like(module) for name, module in model.named_modules()}
    layers = {name: layer for name, layer in dense.items() if layer is not None}
    swap_(model, layers)
    return list(layers)
