"""The nearest sum of Kronecker products to a dense weight."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from qimlp.functional.balance import balance
from qimlp.functional.initialize import init_bias_factors
from qimlp.functional.scaled import power_of_two
from qimlp.ops import build_weight, check_weight
from qimlp.shapes import KroneckerShape


def nearest_kronecker(
    weight: Tensor, in_dims: Sequence[int], out_dims: Sequence[int], rank: int
) -> tuple[list[Tensor], Tensor]:
    """Best factors for a dense weight in the Frobenius norm.

    For two factors the answer is exact: rearranged so that a Kronecker product becomes an outer
    product, the weight's truncated singular value decomposition (Van Loan and Pitsianis, 1993).
    For three and more no closed form exists: alternating least squares for the canonical polyadic
    decomposition of the rearranged weight (TensorLy; extra `compress`), a local optimum. Computed
    in float64; the factors of each summed product come balanced.

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
    tensor = _rearrange(exact, shape)
    if not bool(tensor.any()):
        columns = [tensor.new_zeros(shape.rank, size) for size in tensor.shape]
    elif shape.num_factors == 1:
        columns = [
            torch.zeros(shape.rank, tensor.shape[0], dtype=torch.float64, device=weight.device)
        ]
        columns[0][0] = tensor
    elif shape.num_factors == 2:
        columns = _truncated_svd(tensor, shape.rank)
    else:
        columns = _cp_als(tensor, shape.rank)
    factors = [
        column.reshape(factor_shape)
        for column, factor_shape in zip(columns, shape.factor_shapes, strict=True)
    ]
    return [factor.to(weight.dtype) for factor in balance(factors)], _error(exact, factors)


def _error(exact: Tensor, factors: list[Tensor]) -> Tensor:
    """`|exact - W|_F / |exact|_F`, both over a power of two: a square could leave the range."""
    largest = exact.abs().amax()
    if not largest > 0:
        return largest
    near_one = power_of_two(-largest.log2().floor())
    missed, whole = (exact - build_weight(factors)) * near_one, exact * near_one
    relative: Tensor = missed.norm() / whole.norm()
    return relative


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


def _truncated_svd(matrix: Tensor, rank: int) -> list[Tensor]:
    u, s, vh = torch.linalg.svd(matrix, full_matrices=False)
    kept = min(rank, s.shape[0])
    left = matrix.new_zeros(rank, matrix.shape[0])
    right = matrix.new_zeros(rank, matrix.shape[1])
    root = s[:kept].sqrt().unsqueeze(1)
    left[:kept] = u[:, :kept].t() * root
    right[:kept] = vh[:kept] * root
    return [left, right]


def _cp_als(tensor: Tensor, rank: int) -> list[Tensor]:
    try:
        import tensorly  # noqa: PLC0415
        from tensorly.decomposition import parafac  # noqa: PLC0415
    except ImportError as error:
        raise ImportError(
            "nearest_kronecker with three or more factors needs TensorLy: "
            'pip install "qimlp[compress]"'
        ) from error
    values, kept = tensor.cpu().numpy(), rank
    with tensorly.backend_context("numpy", local_threadsafe=True):
        while True:
            try:
                cp = parafac(
                    values,
                    kept,
                    init="svd" if kept <= min(tensor.shape) else "random",
                    normalize_factors=False,
                    n_iter_max=500,
                    tol=1e-12,
                    random_state=0,
                )
                break
            except np.linalg.LinAlgError:  # the rank is lower
                if kept == 1:
                    raise
                kept -= 1
    columns = [tensor.new_zeros(rank, size) for size in tensor.shape]
    for column, factor in zip(columns, cp.factors, strict=True):
        column[:kept] = torch.from_numpy(factor).t()
    columns[0][:kept] *= torch.from_numpy(cp.weights).to(tensor.device).unsqueeze(1)
    return columns
