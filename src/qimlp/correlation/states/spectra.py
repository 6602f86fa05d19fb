"""Schmidt coefficients of pure states, and what they say."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from qimlp.correlation.states.arguments import check_base, check_bodies, check_part, check_real
from qimlp.correlation.states.entropy import shannon_entropy
from qimlp.correlation.states.vectors import normalised, unfold


def schmidt_coefficients(x: Tensor, dims: Sequence[int], part: int | Sequence[int] = 0) -> Tensor:
    """Singular values of states cut into two parts, in descending order.

    Their squares are the eigenvalues of either part's density matrix.

    Args:
        x: Vectors, shape `(..., prod(dims))`, real or complex; each is scaled to length 1.
        dims: Sizes of the bodies.
        part: Bodies of the one part, from 0; all others are the other part.

    Returns:
        Shape `(..., min(a, b))`, a and b the sizes of the parts; `float64`.

    Raises:
        TypeError: If it is no floating-point or complex tensor, or an index is no integer.
        ValueError: If a vector is zero, NaN or infinite, or dims or indices do not fit.
    """
    sizes = check_bodies(dims)
    chosen = check_part("part", part, len(sizes))
    values: Tensor = torch.linalg.svdvals(unfold(normalised(x, sizes), sizes, chosen))
    return values


def entanglement_spectrum(
    x: Tensor, dims: Sequence[int], part: int | Sequence[int] = 0, *, base: float | None = None
) -> Tensor:
    """`-log` of the squared Schmidt coefficients, ascending; infinite where one is zero.

    Args:
        x: Vectors, shape `(..., prod(dims))`.
        dims: Sizes of the bodies.
        part: Bodies of the one part, from 0.
        base: Of the logarithm; nats without one.

    Returns:
        Shape `(..., min(a, b))`, a and b the sizes of the parts; `float64`.

    Raises:
        TypeError: See `schmidt_coefficients`.
        ValueError: See `schmidt_coefficients`; a base that is not above 1.
    """
    unit = check_base(base)
    return -2 * schmidt_coefficients(x, dims, part).log() / unit


def schmidt_rank(
    x: Tensor,
    dims: Sequence[int],
    part: int | Sequence[int] = 0,
    *,
    tolerance: float | None = None,
) -> Tensor:
    """Number of Schmidt coefficients above `tolerance` times the largest.

    Args:
        x: Vectors, shape `(..., prod(dims))`.
        dims: Sizes of the bodies.
        part: Bodies of the one part, from 0.
        tolerance: Relative; by default the precision of `x` times the larger part's size, as
            `torch.linalg.matrix_rank` has it.

    Returns:
        Shape `(...)`, `int64`; 1 for a product state.

    Raises:
        TypeError: See `schmidt_coefficients`.
        ValueError: See `schmidt_coefficients`.
    """
    coefficients = schmidt_coefficients(x, dims, part)
    if tolerance is None:
        tolerance = rank_tolerance(x.dtype, x.shape[-1] // coefficients.shape[-1])
    return count_rank(coefficients, check_real("tolerance", tolerance))


def effective_rank(x: Tensor, dims: Sequence[int], part: int | Sequence[int] = 0) -> Tensor:
    """`exp(S)` of a part: the rank of a flat spectrum with the same entropy.

    Args:
        x: Vectors, shape `(..., prod(dims))`.
        dims: Sizes of the bodies.
        part: Bodies of the one part, from 0.

    Returns:
        Shape `(...)`, `float64`; 1 for a product state.

    Raises:
        TypeError: See `schmidt_coefficients`.
        ValueError: See `schmidt_coefficients`.
    """
    return shannon_entropy(schmidt_coefficients(x, dims, part).square()).exp()


def count_rank(coefficients: Tensor, tolerance: float) -> Tensor:
    """Count the coefficients that are not small.

    Args:
        coefficients: Descending, shape (..., n).
        tolerance: Relative to the first.

    Returns:
        Shape (...).
    """
    return (coefficients > tolerance * coefficients[..., :1]).sum(-1)


def rank_tolerance(dtype: torch.dtype, size: int) -> float:
    """Say how large a singular value rounding may leave.

    Args:
        dtype: Of the numbers.
        size: Of the larger part.

    Returns:
        The size, relative to the largest singular value.
    """
    return torch.finfo(dtype).eps * size
