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
        x: vectors, shape `(..., prod(dims))`, real or complex; each is scaled to length 1.
        dims: sizes of the bodies.
        part: bodies of the one part, from 0; all others are the other part.

    Returns:
        Shape `(..., min(a, b))`, a and b the sizes of the parts; `float64`.

    Raises:
        TypeError: not a floating-point or complex tensor, or an index is no integer.
        ValueError: a zero vector, NaN or infinity, or dims or indices that do not fit.
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
        x: vectors, shape `(..., prod(dims))`.
        dims: sizes of the bodies.
        part: bodies of the one part, from 0.
        base: of the logarithm; nats without one.

    Returns:
        Shape `(..., min(a, b))`, a and b the sizes of the parts; `float64`.

    Raises:
        TypeError: see `schmidt_coefficients`.
        ValueError: see `schmidt_coefficients`; a base that is not above 1.
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
        x: vectors, shape `(..., prod(dims))`.
        dims: sizes of the bodies.
        part: bodies of the one part, from 0.
        tolerance: relative; by default the precision of `x` times the larger part's size, as
            `torch.linalg.matrix_rank` has it.

    Returns:
        Shape `(...)`, `int64`; 1 for a product state.

    Raises:
        TypeError: see `schmidt_coefficients`.
        ValueError: see `schmidt_coefficients`.
    """
    coefficients = schmidt_coefficients(x, dims, part)
    if tolerance is None:
        tolerance = rank_tolerance(x.dtype, x.shape[-1] // coefficients.shape[-1])
    return count_rank(coefficients, check_real("tolerance", tolerance))


def effective_rank(x: Tensor, dims: Sequence[int], part: int | Sequence[int] = 0) -> Tensor:
    """`exp(S)` of a part: the rank of a flat spectrum with the same entropy.

    Args:
        x: vectors, shape `(..., prod(dims))`.
        dims: sizes of the bodies.
        part: bodies of the one part, from 0.

    Returns:
        Shape `(...)`, `float64`; 1 for a product state.

    Raises:
        TypeError: see `schmidt_coefficients`.
        ValueError: see `schmidt_coefficients`.
    """
    return shannon_entropy(schmidt_coefficients(x, dims, part).square()).exp()


def count_rank(coefficients: Tensor, tolerance: float) -> Tensor:
    """Count descending coefficients `(..., n)` above `tolerance` times the first; `(...)`."""
    return (coefficients > tolerance * coefficients[..., :1]).sum(-1)


def rank_tolerance(dtype: torch.dtype, size: int) -> float:
    """Relative size of a singular value that rounding in `dtype` may leave."""
    return torch.finfo(dtype).eps * size
