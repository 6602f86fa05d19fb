"""Casts and shapes of a layer's tensors before the operator: autocast's, and rows of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor


def autocast_dtype(device: str) -> torch.dtype | None:
    """The dtype that autocast casts to on a type of device; None where it is off."""
    if torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device):
        return torch.get_autocast_dtype(device)
    return None


def autocast(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """The floating-point tensor in `dtype`; float64 stays what it is."""
    return tensor if tensor.dtype == torch.float64 else tensor.to(dtype)


def cast_all(
    x: Tensor, factors: Sequence[Tensor], bias: Sequence[Tensor], dtype: torch.dtype
) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    """Cast a layer's tensors as `torch.nn.functional.linear` does under autocast."""
    return (
        autocast(x, dtype),
        [autocast(factor, dtype) for factor in factors],
        [autocast(vector, dtype) for vector in bias],
    )


def as_rows(x: Tensor) -> tuple[Tensor, torch.Size]:
    """Turn leading axes into rows.

    Args:
        x: Shape `(*, in_features)`.

    Returns:
        `x` as `(batch, in_features)`, and the leading axes' sizes.
    """
    leading = x.shape[:-1]
    return x.reshape(prod(leading), x.shape[-1]), leading
