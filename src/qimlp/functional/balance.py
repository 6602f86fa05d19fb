"""The scale of each factor is a gauge: fix it."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from qimlp.functional.checks import check_factors


def factor_norms(factors: Iterable[Tensor]) -> Tensor:
    """Frobenius norm of every factor of every copy, shape `(M, rank)`."""
    tensors, _ = check_factors(factors)
    return torch.stack([factor.flatten(1).norm(dim=1) for factor in tensors])


def balance(factors: Iterable[Tensor]) -> list[Tensor]:
    """Give the factors of each copy one common norm; the weight stays the same.

    `(10 A) (x) (B / 10)` is the same weight as `A (x) B`, but has other gradients. A copy with a
    zero factor has a zero weight: all its factors become zero.

    Args:
        factors: M tensors, factor i of shape `(rank, out_i, in_i)`.

    Returns:
        New factors of the same shapes.
    """
    tensors, _ = check_factors(factors)
    norms = factor_norms(tensors)
    common = norms.log().mean(0).exp()  # the geometric mean; log of zero gives a zero mean
    scales = torch.where(norms > 0, common / norms, torch.zeros_like(norms))
    return [factor * scales[i, :, None, None] for i, factor in enumerate(tensors)]
