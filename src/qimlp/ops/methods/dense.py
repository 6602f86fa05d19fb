"""Build the full weight once per call, then one ordinary linear layer."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from qimlp.ops.merge import merge_factors


def build_weight(factors: Sequence[Tensor]) -> Tensor:
    """The full weight of shape `(prod out_i, prod in_i)`.

    The factors are halved where the halves are smallest together; the sum over copies of the
    last, largest product is one matrix product.
    """
    if len(factors) == 1:
        return factors[0].sum(0)
    a, b = merge_factors(factors, _halves(factors))
    rank, p, q = a.shape
    _, r, s = b.shape
    if rank == 1:
        weight = a.reshape(p, 1, q, 1) * b.reshape(1, r, 1, s)
    else:
        pairs = torch.mm(a.reshape(rank, p * q).t(), b.reshape(rank, r * s))
        weight = pairs.reshape(p, q, r, s).transpose(1, 2)
    return weight.reshape(p * r, q * s)


def add_to_weight(weight: Tensor, factors: Sequence[Tensor]) -> Tensor:
    """`weight` plus the full weight of the factors, which is not written down on the way.

    Args:
        weight: Shape `(prod out_i, prod in_i)`.
        factors: M tensors of shape `(rank, out_i, in_i)`.

    Returns:
        The weight's shape.
    """
    if len(factors) == 1:
        return weight + factors[0].sum(0)
    a, b = merge_factors(factors, _halves(factors))
    rank, p, q = a.shape
    _, r, s = b.shape
    blocks = weight.reshape(p, r, q, s)
    if rank == 1:
        total = torch.addcmul(blocks, a.reshape(p, 1, q, 1), b.reshape(1, r, 1, s))
    else:
        pairs = torch.mm(a.reshape(rank, p * q).t(), b.reshape(rank, r * s))
        total = blocks + pairs.reshape(p, q, r, s).transpose(1, 2)
    return total.reshape(p * r, q * s)


def linear_dense(x: Tensor, factors: Sequence[Tensor], bias: Tensor | None) -> Tensor:
    """`x W^T + bias` for `x` of shape `(batch, in_features)`."""
    return F.linear(x, build_weight(factors), bias)


def _halves(factors: Sequence[Tensor]) -> tuple[int, int]:
    sizes = [factor.shape[1] * factor.shape[2] for factor in factors]
    cut = min(range(1, len(sizes)), key=lambda i: prod(sizes[:i]) + prod(sizes[i:]))
    return cut, len(sizes) - cut
