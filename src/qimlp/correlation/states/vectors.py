"""From vectors to normalised states, and their cut into two parts."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor

from qimlp.correlation.states.checks import check_last_size, check_numbers


def normalised(x: Tensor, dims: tuple[int, ...]) -> Tensor:
    """Check vectors and scale them; see `check_vectors` and `unit_length`.

    Args:
        x: Shape (..., prod(dims)), real or complex.
        dims: Sizes of the bodies.

    Returns:
        The same shape, in double precision.
    """
    check_vectors(x, dims)
    return unit_length(x)


def check_vectors(x: Tensor, dims: tuple[int, ...]) -> None:
    """Check that vectors can be scaled to length 1.

    Args:
        x: What was given; expected are shape (..., prod(dims)) and real or complex numbers.
        dims: Sizes of the bodies.

    Raises:
        TypeError: If it is no floating-point or complex tensor.
        ValueError: If the last size is another, or a vector is zero, NaN or infinite.
    """
    check_numbers("x", x)
    check_last_size("x", x, dims)
    zeros = zero_rows(x)
    if zeros.any():
        where = zeros.flatten().nonzero()[0].item() if x.dim() > 1 else None
        raise ValueError(
            "x: expected vectors with a direction, got zeros only"
            + ("" if where is None else f" in {int(zeros.sum())} rows, the first is {where}")
            + "; leave them out"
        )


def zero_rows(x: Tensor) -> Tensor:
    """Find the vectors that hold nothing but zeros.

    Args:
        x: Shape (..., d).

    Returns:
        Booleans, shape (...).
    """
    return ~x.detach().ne(0).any(-1)


def unit_length(x: Tensor) -> Tensor:
    """Scale vectors to length 1 in double precision.

    They are divided by their largest entry first: squares of very large or small numbers would
    leave the range.

    Args:
        x: Shape (..., d), none of them zero.

    Returns:
        The same shape.
    """
    precise = x.to(torch.complex128 if x.is_complex() else torch.float64)
    precise = precise / precise.detach().abs().amax(-1, keepdim=True)
    scaled: Tensor = precise / torch.linalg.vector_norm(precise, dim=-1, keepdim=True)
    return scaled


def squares_suffice(dtype: torch.dtype) -> bool:
    """Tell whether a dtype is so rough that squares in double precision say it all.

    So it is for float32 and less, whose rounding already blurs a singular value by more than the
    square root of double precision; a float64 vector may hold smaller ones.

    Args:
        dtype: Of the numbers.

    Returns:
        Whether it is.
    """
    return bool(torch.finfo(dtype).eps > torch.finfo(torch.float64).eps ** 0.5)


def unfold(states: Tensor, dims: tuple[int, ...], part: Sequence[int]) -> Tensor:
    """Write states as matrices: rows count the bodies in `part`, columns all others.

    Args:
        states: Shape `(..., prod(dims))`.
        dims: Sizes of the bodies.
        part: Indices of bodies, ascending.

    Returns:
        Shape `(..., a, b)` with `a * b = prod(dims)`.
    """
    lead = states.shape[:-1]
    split = states.reshape(*lead, *dims)
    first = [len(lead) + body for body in part]
    rows = prod(dims[body] for body in part)
    moved = split.movedim(first, list(range(len(lead), len(lead) + len(first))))
    return moved.reshape(*lead, rows, prod(dims) // rows)
