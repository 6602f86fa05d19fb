"""Inner products and norms of Kronecker sums, without building them."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from qimlp.functional.checks import check_factors


def frobenius_inner(left: Iterable[Tensor], right: Iterable[Tensor]) -> Tensor:
    """`<V, W> = sum_{c,d} prod_i <V_c^i, W_d^i>` of two Kronecker sums of the same dims.

    Args:
        left: factors of V, shapes `(rank_v, out_i, in_i)`.
        right: factors of W, shapes `(rank_w, out_i, in_i)`; the ranks may differ.

    Returns:
        A scalar.

    Raises:
        TypeError: not floating-point tensors of one dtype on one device.
        ValueError: different dims.
    """
    (first, shape), (second, other) = check_factors(left), check_factors(right)
    if (shape.in_dims, shape.out_dims) != (other.in_dims, other.out_dims):
        raise ValueError(f"expected two Kronecker sums of the same dims, got {shape} and {other}")
    gram = first[0].new_ones(shape.rank, other.rank)
    for v, w in zip(first, second, strict=True):
        gram = gram * (v.flatten(1) @ w.flatten(1).t())
    return gram.sum()


def frobenius_norm(factors: Iterable[Tensor]) -> Tensor:
    """`|W|_F` of a Kronecker sum, exact and in the time of its factors' Gram matrices.

    Where copies cancel each other the squared norm may round below zero; it counts as zero then.

    Args:
        factors: M tensors, factor i of shape `(rank, out_i, in_i)`.

    Returns:
        A scalar.
    """
    tensors, _ = check_factors(factors)
    return torch.sqrt(frobenius_inner(tensors, tensors).clamp_min(0))
