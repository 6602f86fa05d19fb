"""Mutual information, total correlation and strong correlation (Zhang et al., AAAI-25, Eqs. 7-12).

A vector is scaled to length 1 and read as a pure state, so its parts' entropies come from singular
values and its own entropy is zero. Nothing here builds a `d x d` matrix from vectors.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from qimlp.correlation.states.arguments import check_base, check_bodies, check_part
from qimlp.correlation.states.checks import check_dense, check_density_matrix, check_last_size
from qimlp.correlation.states.density import mixture, trace_out
from qimlp.correlation.states.entropy import (
    checked_entropy,
    hermitian,
    shannon_entropy,
    spectrum_entropy,
)
from qimlp.correlation.states.pure import (
    SUBSYSTEMS,
    Correlations,
    Subsystems,
    body_entropies,
    cut_entropy,
    over_rows,
    vector_correlations,
)
from qimlp.correlation.states.vectors import check_vectors, normalised, unfold


def strong_correlation(
    x: Tensor,
    dims: Sequence[int],
    subsystems: Subsystems = "partial_trace",
    *,
    base: float | None = None,
    pure: bool | None = True,
) -> Tensor:
    """Strong correlation `C = I - S(rho_(A+B))` (Eq. 12).

    For M > 2 bodies the mutual information I becomes the total correlation, and `rho_(A+B)` the
    ensemble of all M bodies with equal weights. Bodies of different size are embedded in the
    largest, padded with zeros. C is not invariant under a change of a body's basis and can be
    negative: then nothing beyond the classical level was found. For pure states
    `-log M <= C <= (M - 1) * mean_m S(rho_m)`.

    Args:
        x: Vectors, shape `(..., prod(dims))`, real or complex; each is scaled to length 1. With
            `pure=False` density matrices, shape `(..., prod(dims), prod(dims))`.
        dims: Sizes of the two or more bodies.
        subsystems: Which states the bodies are taken to be in. `"partial_trace"`: the exact partial
            traces; differentiable. `"nearest_product"`: those of the closest product state, and
            `"fitted"`: those of a gradient fit to it, the paper's way; two bodies only. Both are
            then pure, so that I = 0 and C is never positive.
        base: Of the logarithm; nats without one, 2 for bits.
        pure: Whether `x` holds vectors; `None` decides by the shape, see `mutual_information`.

    Returns:
        One value per vector, shape `(...)`, `float64`.

    Raises:
        TypeError: If it is no floating-point or complex tensor.
        ValueError: For a zero vector, NaN or infinity, fewer than two bodies, dims that do not
            fit, an unknown choice of subsystems, or a matrix that is no density matrix.
    """
    unit = check_base(base)
    return correlations(x, dims, subsystems, pure=pure).strong / unit


def total_correlation(
    x: Tensor, dims: Sequence[int], *, base: float | None = None, pure: bool | None = True
) -> Tensor:
    """Total correlation `sum_m S(rho_m) - S(rho)` of two or more bodies.

    Args:
        x: Vectors, shape `(..., prod(dims))`, real or complex; each is scaled to length 1. With
            `pure=False` density matrices, shape `(..., prod(dims), prod(dims))`.
        dims: Sizes of the bodies.
        base: Of the logarithm; nats without one, 2 for bits.
        pure: Whether `x` holds vectors; `None` decides by the shape, see `mutual_information`.

    Returns:
        One value per vector, shape `(...)`, `float64`.

    Raises:
        TypeError: If it is no floating-point or complex tensor.
        ValueError: See `strong_correlation`.
    """
    unit = check_base(base)
    sizes = check_bodies(dims)
    if _is_pure(x, sizes, pure):
        states = normalised(x, sizes)
        values = over_rows(lambda rows: (body_entropies(rows, sizes).sum(-1),), states)[0]
    else:
        values = correlations(x, sizes, pure=False).total
    return values / unit


def mutual_information(
    x: Tensor,
    dims: Sequence[int],
    part: int | Sequence[int] = 0,
    other: int | Sequence[int] | None = None,
    *,
    base: float | None = None,
    pure: bool | None = None,
) -> Tensor:
    """Mutual information `S(rho_A) + S(rho_B) - S(rho_AB)` of two parts (Eq. 10).

    Args:
        x: Density matrices, shape `(..., d, d)` with `d = prod(dims)`, or vectors, shape
            `(..., d)`, each scaled to length 1.
        dims: Sizes of the bodies.
        part: Bodies of part A, from 0.
        other: Bodies of part B; all others without any.
        base: Of the logarithm; nats without one, 2 for bits.
        pure: Whether `x` holds vectors. By default the shape decides: if the last two sizes are
            both d these are matrices, else vectors; say `True` for exactly d vectors.

    Returns:
        Shape `(...)`, `float64`.

    Raises:
        TypeError: If it is no floating-point or complex tensor, or an index is no integer.
        ValueError: See `strong_correlation`; parts that overlap.
    """
    unit = check_base(base)
    sizes = check_bodies(dims)
    a = check_part("part", part, len(sizes))
    rest = tuple(body for body in range(len(sizes)) if body not in a)
    b = rest if other is None else check_part("other", other, len(sizes))
    if set(a) & set(b):
        raise ValueError(f"expected parts without a common body, got part={a} and other={b}")
    both = tuple(sorted(a + b))
    if _is_pure(x, sizes, pure):
        states = normalised(x, sizes)
        sides = (*_parts_pure(states, sizes, (a, b)), _whole_pure(states, sizes, both))
    else:
        rho = _checked_matrix(x, sizes)
        sides = tuple(checked_entropy(trace_out(rho, sizes, kept)) for kept in (a, b, both))
    return (sides[0] + sides[1] - sides[2]) / unit


def correlations(
    x: Tensor,
    dims: Sequence[int],
    subsystems: Subsystems = "partial_trace",
    *,
    pure: bool | None = True,
) -> Correlations:
    """Compute all parts of `strong_correlation` at once.

    Args:
        x: As in `strong_correlation`.
        dims: Sizes of the two or more bodies.
        subsystems: As in `strong_correlation`.
        pure: As in `strong_correlation`.

    Returns:
        The parts, in nats.

    Raises:
        TypeError: See `strong_correlation`.
        ValueError: See `strong_correlation`.
    """
    sizes = check_bodies(dims)
    check_subsystems(subsystems)
    if _is_pure(x, sizes, pure):
        check_vectors(x, sizes)
        return vector_correlations(x, sizes, subsystems)
    if subsystems != "partial_trace":
        raise ValueError(f"subsystems: expected 'partial_trace' for matrices, got {subsystems!r}")
    return _of_matrix(_checked_matrix(x, sizes), sizes)


def check_subsystems(name: str) -> None:
    """Check a choice of subsystems.

    Args:
        name: What was given.

    Raises:
        ValueError: If it is unknown.
    """
    if name not in SUBSYSTEMS:
        raise ValueError(f"subsystems: expected one of {', '.join(SUBSYSTEMS)}, got {name!r}")


def _parts_pure(
    states: Tensor, dims: tuple[int, ...], parts: tuple[tuple[int, ...], ...]
) -> tuple[Tensor, ...]:
    """Entropy of each part of pure states."""

    def compute(rows: Tensor) -> tuple[Tensor, ...]:
        return tuple(cut_entropy(unfold(rows, dims, part)) for part in parts)

    return over_rows(compute, states)


def _whole_pure(states: Tensor, dims: tuple[int, ...], both: tuple[int, ...]) -> Tensor:
    if len(both) == len(dims):
        return states.new_zeros(states.shape[:-1], dtype=torch.float64)
    return _parts_pure(states, dims, (both,))[0]


def _of_matrix(rho: Tensor, dims: tuple[int, ...]) -> Correlations:
    reduced = [trace_out(rho, dims, (m,)) for m in range(len(dims))]
    spectra = tuple(torch.linalg.eigvalsh(body).flip(-1) for body in reduced)
    return Correlations(
        bodies=torch.stack([shannon_entropy(s) for s in spectra], -1),
        mixture=spectrum_entropy(mixture(reduced)),
        whole=checked_entropy(rho),
        spectra=spectra,
    )


def _is_pure(x: Tensor, dims: tuple[int, ...], pure: bool | None) -> bool:
    if pure is not None:
        if not isinstance(pure, bool):
            raise TypeError(f"pure: expected True, False or None, got {type(pure).__name__}")
        return pure
    check_dense("x", x)
    check_last_size("x", x, dims)
    return x.dim() < 2 or x.shape[-2] != x.shape[-1]


def _checked_matrix(rho: Tensor, dims: tuple[int, ...]) -> Tensor:
    check_density_matrix(rho)
    check_last_size("rho", rho, dims)
    return hermitian(rho)
