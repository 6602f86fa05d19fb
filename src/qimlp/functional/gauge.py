"""The scale of each factor is a gauge: fix it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from qimlp.functional.scaled import power_of_two, scaled, widest
from qimlp.ops import check_factors


def factor_norms(factors: Iterable[Tensor]) -> Tensor:
    """Compute the Frobenius norm of every factor of every summed product.

    Args:
        factors: M tensors, factor i of shape `(rank, out_i, in_i)`.

    Returns:
        Shape `(M, rank)`, of the factors' dtype.

    Raises:
        TypeError: Not floating-point tensors of one dtype on one device.
        ValueError: Shapes that do not fit.
    """
    tensors, _ = check_factors(factors)
    return _norms(tensors).to(tensors[0].dtype)


def balance(factors: Iterable[Tensor]) -> list[Tensor]:
    """Give the factors of each summed product one common norm; the weight stays the same.

    `(10 A) (x) (B / 10)` is the same weight as `A (x) B`, but has other gradients. A product with a
    zero factor is zero: all its factors become zero.

    Args:
        factors: M tensors, factor i of shape `(rank, out_i, in_i)`.

    Returns:
        New factors of the same shapes and dtype.

    Raises:
        TypeError: Not floating-point tensors of one dtype on one device.
        ValueError: Shapes that do not fit.
    """
    tensors, _ = check_factors(factors)
    norms = _norms(tensors)
    alive = norms > 0
    safe = torch.where(alive, norms, torch.ones_like(norms))  # a zero has no logarithm
    common = safe.log().mean(0).exp()  # the geometric mean
    scales = torch.where(alive.all(0), common, torch.zeros_like(common)) / safe
    wide = [factor.to(widest(factor)) for factor in tensors]
    balanced = [factor * scales[i, :, None, None] for i, factor in enumerate(wide)]
    return [factor.to(tensors[0].dtype) for factor in balanced]


def _norms(factors: Sequence[Tensor]) -> Tensor:
    parts = scaled(factors)
    norms = torch.stack([factor.norm(dim=1) for factor in parts.factors])
    return norms * power_of_two(parts.exponents)
