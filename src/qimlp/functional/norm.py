"""Inner products and norms of Kronecker sums, without building them."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from qimlp.functional.scaled import Scaled, power_of_two, scaled
from qimlp.ops import check_factors

#: A squared norm below this share of what was summed is rounding: 16 units of it.
_ROUNDING = 16.0


def frobenius_inner(left: Iterable[Tensor], right: Iterable[Tensor]) -> Tensor:
    """`<V, W> = sum_{c,d} prod_i <V_c^i, W_d^i>` of two Kronecker sums of the same dims.

    Summed in float64, whatever the dtype and the scale of the single factors.

    Args:
        left: Factors of V, shapes `(rank_v, out_i, in_i)`.
        right: Factors of W, shapes `(rank_w, out_i, in_i)`; the ranks may differ.

    Returns:
        A scalar of the factors' dtype.

    Raises:
        TypeError: Not floating-point tensors of one dtype on one device.
        ValueError: Different dims.
    """
    (first, shape), (second, other) = check_factors(left), check_factors(right)
    if (shape.in_dims, shape.out_dims) != (other.in_dims, other.out_dims):
        raise ValueError(f"expected two Kronecker sums of the same dims, got {shape} and {other}")
    terms, exponent = _terms(scaled(first), scaled(second))
    half = power_of_two(exponent / 2)  # the whole power may be out of range where the sum is not
    return (terms.sum() * half * half).to(first[0].dtype)


def frobenius_norm(factors: Iterable[Tensor]) -> Tensor:
    """`|W|_F` of a Kronecker sum, exact and in the time of its factors' Gram matrices.

    Summed in float64, whatever the dtype and the scale of the single factors. Where W is zero, or
    its terms cancel to within rounding, the norm is zero and so is its gradient.

    Args:
        factors: M tensors, factor i of shape `(rank, out_i, in_i)`.

    Returns:
        A scalar of the factors' dtype.

    Raises:
        TypeError: Not floating-point tensors of one dtype on one device.
        ValueError: Shapes that do not fit.
    """
    tensors, _ = check_factors(factors)
    parts = scaled(tensors)
    terms, exponent = _terms(parts, parts)
    square = terms.sum()
    least = _ROUNDING * torch.finfo(square.dtype).eps * terms.detach().abs().sum()
    some = ~(square <= least) | torch.isinf(square)  # NaN and infinity stay
    # A root has no gradient at zero, and zero times infinity would be NaN: it is never taken there.
    root = torch.where(some, square, torch.ones_like(square)).sqrt()
    norm = torch.where(some, root, torch.zeros_like(root))
    return (norm * power_of_two(exponent / 2)).to(tensors[0].dtype)


def _terms(left: Scaled, right: Scaled) -> tuple[Tensor, Tensor]:
    """The terms `prod_i <V_c^i, W_d^i>` over a common power of two, and its even exponent.

    Returns:
        Shape `(rank_v, rank_w)`, and a scalar.
    """
    terms = left.factors[0] @ right.factors[0].t()
    for v, w in zip(left.factors[1:], right.factors[1:], strict=True):
        terms = terms * (v @ w.t())
    exponents = left.exponents.sum(0).unsqueeze(1) + right.exponents.sum(0)
    # Terms that are zero have no say in it: others would become zero beside them.
    apart = torch.where(terms.detach() != 0, exponents, torch.full_like(exponents, -torch.inf))
    common = (apart.amax() / 2).floor() * 2
    common = torch.where(torch.isfinite(common), common, torch.zeros_like(common))
    return terms * power_of_two(exponents - common), common
