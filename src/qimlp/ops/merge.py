"""Multiply neighbouring factors out, so that fewer and larger ones remain."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from qimlp.ops.definition import kron_bias


def kron_per_copy(a: Tensor, b: Tensor) -> Tensor:
    """Kronecker product of two factors, copy by copy.

    Args:
        a: Shape `(rank, p, q)`.
        b: Shape `(rank, r, s)`.

    Returns:
        Shape `(rank, p * r, q * s)`.
    """
    rank, p, q = a.shape
    _, r, s = b.shape
    return (a.reshape(rank, p, 1, q, 1) * b.reshape(rank, 1, r, 1, s)).reshape(rank, p * r, q * s)


def merge_factors(factors: Sequence[Tensor], groups: Sequence[int]) -> list[Tensor]:
    """Multiply out each group of neighbouring factors.

    Args:
        factors: M tensors of shape `(rank, out_i, in_i)`.
        groups: How many neighbours go into each result; they sum to M.

    Returns:
        `len(groups)` tensors of shape `(rank, out, in)` with the same Kronecker sum.
    """
    merged, start = [], 0
    for size in groups:
        product = factors[start]
        for factor in factors[start + 1 : start + size]:
            product = kron_per_copy(product, factor)
        merged.append(product)
        start += size
    return merged


def merge_bias(vectors: Sequence[Tensor], groups: Sequence[int]) -> list[Tensor]:
    """Multiply out each group of neighbouring vectors of a Kronecker bias, as `merge_factors`."""
    merged, start = [], 0
    for size in groups:
        merged.append(kron_bias(vectors[start : start + size]))
        start += size
    return merged
