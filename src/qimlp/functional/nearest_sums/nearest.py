"""The nearest sum of Kronecker products to a dense weight."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from qimlp.functional.gauge import balance
from qimlp.functional.initialize import init_bias_factors
from qimlp.functional.nearest_sums.cp import cp_columns
from qimlp.functional.nearest_sums.truncated_svd import truncated_svd
from qimlp.ops import build_weight, check_weight
from qimlp.shapes import KroneckerShape

_FAR = 128
"""A weight whose largest entry has this power of two is brought near one first."""


def nearest_kronecker(
    weight: Tensor, in_dims: Sequence[int], out_dims: Sequence[int], rank: int
) -> tuple[list[Tensor], Tensor]:
    """Best factors for a dense weight in the Frobenius norm.

    For two factors the answer is exact: rearranged so that a Kronecker product becomes an outer
    product, the weight's truncated singular value decomposition (Van Loan and Pitsianis, 1993).
    Where few products of a large weight are asked for, only these are computed, in a block Krylov
    space: the error is within a millionth of the least one. `in_dims=(1, i), out_dims=(o, 1)` is
    low rank.

    For three and more factors no closed form exists: the canonical polyadic decomposition of the
    rearranged weight, by several starts (a matrix pencil, TensorLy's alternating least squares,
    random ones; extra `compress`) and Gauss-Newton steps, a local optimum. A weight that is such a
    sum is recovered to rounding if its products lie in general position and two groups of factors
    have `rank` entries each; else nearly always. A large weight has fewer starts and steps.

    Computed in float64, brought near one by a power of two where numbers are far from it; the
    factors of each summed product come balanced. The same weight has the same answer each time.

    Args:
        weight: Shape `(prod out_dims, prod in_dims)`.
        in_dims: M sizes.
        out_dims: M sizes.
        rank: Number of summed products. Those beyond the rank of the rearranged weight are zero.

    Returns:
        `(factors, relative_error)`: factor i of shape `(rank, out_i, in_i)` in the weight's dtype
        and device, and the scalar `|weight - W|_F / |weight|_F` in float64 (0 for a zero weight).

    Raises:
        TypeError: `weight` is no floating-point tensor.
        ValueError: Dims that do not multiply up to the weight's shape, or entries not finite.
        ImportError: M > 2 without TensorLy.
    """
    check_weight("weight", weight)
    shape = KroneckerShape(tuple(in_dims), tuple(out_dims), rank)
    if tuple(weight.shape) != (shape.out_features, shape.in_features):
        raise ValueError(
            f"weight: expected shape {(shape.out_features, shape.in_features)} for {shape}, "
            f"got {tuple(weight.shape)}"
        )
    if weight.is_meta:  # no values, so no search
        empty = [weight.new_empty(factor_shape) for factor_shape in shape.factor_shapes]
        return empty, weight.new_empty((), dtype=torch.float64)
    exact = weight.detach().to(torch.float64)
    if shape.num_factors == 1:
        factor = exact.new_zeros(shape.factor_shapes[0])
        factor[0] = exact
        return [factor.to(weight.dtype)], exact.new_zeros(())
    exponent = int(torch.frexp(exact.abs().max()).exponent) if exact.numel() else 0
    if abs(exponent) < _FAR:
        exponent = 0
    exponent -= exponent % shape.num_factors  # every factor takes the same whole power of two
    near_one = _times_power(exact, -exponent)
    columns = _columns(_rearrange(near_one, shape), shape.rank)
    factors = [
        column.reshape(factor_shape)
        for column, factor_shape in zip(columns, shape.factor_shapes, strict=True)
    ]
    whole = near_one.norm()
    error = (near_one - build_weight(factors)).norm() / torch.where(whole > 0, whole, 1)
    each = exponent // shape.num_factors
    return [_times_power(factor, each).to(weight.dtype) for factor in balance(factors)], error


def _times_power(tensor: Tensor, exponent: int) -> Tensor:
    """`tensor * 2 ** exponent`, in two steps: the power itself may be out of range."""
    if not exponent:
        return tensor
    half = exponent // 2
    return tensor * 2.0**half * 2.0 ** (exponent - half)


def _columns(tensor: Tensor, rank: int) -> list[Tensor]:
    """For each axis of a rearranged weight a tensor `(rank, size)`; unused products are zero."""
    found = [tensor.new_zeros(rank, size) for size in tensor.shape]
    axes = [axis for axis, size in enumerate(tensor.shape) if size > 1 or tensor.dim() == 2]
    inner = tensor if tensor.dim() == 2 else tensor.squeeze()
    if not bool(tensor.any()):
        return found
    if len(axes) < 2:
        terms = [inner.reshape(1, -1) for _ in axes]
    elif len(axes) == 2:
        left, values, right = truncated_svd(inner, rank)
        root = values.sqrt().unsqueeze(1)
        terms = [left.t() * root, right.t() * root]
    else:
        terms = cp_columns(inner, rank)
    kept = terms[0].shape[0] if terms else 1
    for column in found:
        column[:kept] = 1
    for axis, term in zip(axes, terms, strict=True):
        found[axis][:kept] = term
    if not axes:
        found[0][:kept] = inner
    return found


def nearest_kronecker_bias(bias: Tensor, out_dims: Sequence[int]) -> list[Tensor]:
    """Vectors of the Kronecker bias nearest to a dense one in the Euclidean norm.

    Args:
        bias: Shape `(prod out_dims,)`.
        out_dims: M sizes.

    Returns:
        M vectors of lengths `out_dims`, in the bias's dtype and device. For a zero bias exactly one
        of them is zero; were all zero, none would ever get a gradient.

    Raises:
        TypeError: `bias` is no floating-point tensor.
        ValueError: Dims that do not multiply up to the bias's length, or entries not finite.
        ImportError: M > 2 without TensorLy.
    """
    ones = (1,) * len(out_dims)
    factors, _ = nearest_kronecker(bias.unsqueeze(-1), ones, out_dims, 1)
    if not bias.is_meta and not bias.any():
        vectors = init_bias_factors(KroneckerShape(ones, tuple(out_dims), 1))
        return [vector.to(bias) for vector in vectors]
    return [factor.flatten() for factor in factors]


def _rearrange(weight: Tensor, shape: KroneckerShape) -> Tensor:
    """Shape `(out_1 * in_1, ..., out_M * in_M)`: a Kronecker product becomes an outer product."""
    m = shape.num_factors
    split = weight.reshape(*shape.out_dims, *shape.in_dims)
    pairs = [axis for i in range(m) for axis in (i, m + i)]
    return split.permute(pairs).reshape([o * i for _, o, i in shape.factor_shapes])
