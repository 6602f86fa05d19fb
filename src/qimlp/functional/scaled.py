"""Factors brought near one by powers of two, so that sums of their squares stay in range."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

_LARGEST_POWER = 1000.0  # of two; float64 ends at 1023


class Scaled(NamedTuple):
    """Factors whose entries are at most two, and the powers of two that were taken out.

    Attributes:
        factors: M tensors of shape `(rank, out_i * in_i)`, float64 where the device has it.
        exponents: Shape `(M, rank)`, whole numbers: factor i of product c is
            `2 ** exponents[i, c]` times `factors[i][c]`. They take no part in gradients.
    """

    factors: list[Tensor]
    exponents: Tensor


def scaled(factors: Sequence[Tensor]) -> Scaled:
    """Bring every factor of every summed product near one, exactly.

    Args:
        factors: M tensors of shape `(rank, out_i, in_i)`, checked.
    """
    near_one, exponents = [], []
    for factor in factors:
        wide = factor.flatten(1).to(widest(factor))
        largest = wide.detach().abs().amax(1)
        ordinary = (largest > 0) & torch.isfinite(largest)
        exponent = torch.where(ordinary, largest, torch.ones_like(largest)).log2().floor()
        near_one.append(wide * power_of_two(-exponent).unsqueeze(1))
        exponents.append(exponent)
    return Scaled(near_one, torch.stack(exponents))


def power_of_two(exponent: Tensor) -> Tensor:
    """`2 ** exponent`, kept within the range of float64 so that zero times it is zero."""
    return torch.exp2(exponent.clamp(-_LARGEST_POWER, _LARGEST_POWER))


def widest(tensor: Tensor) -> torch.dtype:
    """The most exact dtype that the tensor's device computes in."""
    return torch.float32 if tensor.device.type == "mps" else torch.float64
