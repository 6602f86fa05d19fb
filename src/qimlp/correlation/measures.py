"""Mutual information, total correlation and strong correlation (Zhang et al., AAAI-25, Eqs. 7-12).

A vector is scaled to length 1 and read as a pure state, so its parts' entropies come from singular
values and its own entropy is zero. Nothing here builds a `d x d` matrix from vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from qimlp.correlation.checks import (
    check_base,
    check_bodies,
    check_density_matrix,
    check_last_size,
    check_part,
)
from qimlp.correlation.density import mixture, pure_reduced, trace_out
from qimlp.correlation.entropy import checked_entropy, hermitian, shannon_entropy, spectrum_entropy
from qimlp.correlation.products import (
    ProductState,
    fitted_product,
    mixture_spectrum,
    nearest_product,
)
from qimlp.correlation.rows import map_rows
from qimlp.correlation.spectral import state_entropy, vector_entropy
from qimlp.correlation.states import (
    check_vectors,
    normalised,
    squares_suffice,
    unfold,
    unit_length,
)

Subsystems = Literal["partial_trace", "nearest_product", "fitted"]
SUBSYSTEMS: tuple[Subsystems, ...] = get_args(Subsystems)


@dataclass(frozen=True)
class Correlations:
    """Everything that strong correlation is made of, in nats, one value per state.

    Attributes:
        bodies: entropies `S(rho_m)` of the M bodies, shape `(..., M)`.
        mixture: `S(rho_(A+B))`, entropy of the bodies' states as one ensemble with equal weights
            (Eq. 11), the paper's classical correlation; shape `(...)`.
        whole: `S(rho)`, zero for a pure state; shape `(...)`.
        spectra: for each body the eigenvalues of its state, descending, `(..., n_m)`; eigenvalues
            that must vanish because the rest of the state is smaller are left out.
    """

    bodies: Tensor
    mixture: Tensor
    whole: Tensor
    spectra: tuple[Tensor, ...]

    @property
    def total(self) -> Tensor:
        """Total correlation `sum_m S(rho_m) - S(rho)`; of two bodies the mutual information I."""
        return self.bodies.sum(-1) - self.whole

    @property
    def strong(self) -> Tensor:
        """Strong correlation `C`: total correlation beyond the classical one (Eq. 12)."""
        return self.total - self.mixture


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
        x: vectors, shape `(..., prod(dims))`, real or complex; each is scaled to length 1. With
            `pure=False` density matrices, shape `(..., prod(dims), prod(dims))`.
        dims: sizes of the two or more bodies.
        subsystems: which states the bodies are taken to be in. `"partial_trace"`: the exact partial
            traces; differentiable. `"nearest_product"`: those of the closest product state, and
            `"fitted"`: those of a gradient fit to it, the paper's way; two bodies only. Both are
            then pure, so that I = 0 and C is never positive.
        base: of the logarithm; nats without one, 2 for bits.
        pure: whether `x` holds vectors; `None` decides by the shape, see `mutual_information`.

    Returns:
        One value per vector, shape `(...)`, `float64`.

    Raises:
        TypeError: not a floating-point or complex tensor.
        ValueError: a zero vector, NaN or infinity, fewer than two bodies, dims that do not fit, an
            unknown choice of subsystems, or a matrix that is no density matrix.
    """
    unit = check_base(base)
    return correlations(x, dims, subsystems, pure=pure).strong / unit


def total_correlation(
    x: Tensor, dims: Sequence[int], *, base: float | None = None, pure: bool | None = True
) -> Tensor:
    """Total correlation `sum_m S(rho_m) - S(rho)` of two or more bodies.

    Args:
        x: vectors, shape `(..., prod(dims))`, real or complex; each is scaled to length 1. With
            `pure=False` density matrices, shape `(..., prod(dims), prod(dims))`.
        dims: sizes of the bodies.
        base: of the logarithm; nats without one, 2 for bits.
        pure: whether `x` holds vectors; `None` decides by the shape, see `mutual_information`.

    Returns:
        One value per vector, shape `(...)`, `float64`.

    Raises:
        TypeError: not a floating-point or complex tensor.
        ValueError: see `strong_correlation`.
    """
    unit = check_base(base)
    sizes = check_bodies(dims)
    if _is_pure(x, sizes, pure):
        states = normalised(x, sizes)
        values = _over_rows(lambda rows: (_body_entropies(rows, sizes).sum(-1),), states)[0]
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
        x: density matrices, shape `(..., d, d)` with `d = prod(dims)`, or vectors, shape
            `(..., d)`, each scaled to length 1.
        dims: sizes of the bodies.
        part: bodies of part A, from 0.
        other: bodies of part B; all others without any.
        base: of the logarithm; nats without one, 2 for bits.
        pure: whether `x` holds vectors. By default the shape decides: if the last two sizes are
            both d these are matrices, else vectors; say `True` for exactly d vectors.

    Returns:
        Shape `(...)`, `float64`.

    Raises:
        TypeError: not a floating-point or complex tensor, or an index is no integer.
        ValueError: see `strong_correlation`; parts that overlap.
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
    """All parts of `strong_correlation` at once, in nats; same arguments and errors."""
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

    Raises:
        ValueError: An unknown one.
    """
    if name not in SUBSYSTEMS:
        raise ValueError(f"subsystems: expected one of {', '.join(SUBSYSTEMS)}, got {name!r}")


def vector_correlations(x: Tensor, dims: tuple[int, ...], subsystems: Subsystems) -> Correlations:
    """`correlations` of vectors `(..., d)` that `check_vectors` lets pass."""
    if subsystems != "partial_trace":
        find = nearest_product if subsystems == "nearest_product" else fitted_product
        return _of_product(find(x, dims))

    def compute(vectors: Tensor) -> tuple[Tensor, ...]:
        rows = unit_length(vectors)
        reduced = [pure_reduced(rows, dims, (m,)) for m in range(len(dims))]
        spectra = (
            _squared_spectra(rows, dims, reduced)
            if squares_suffice(vectors.dtype)
            else _body_spectra(rows, dims)
        )
        mixed = mixture(reduced)
        if not rows.requires_grad:
            bodies = torch.stack([shannon_entropy(s) for s in spectra], -1)
            return bodies, spectrum_entropy(mixed), *spectra
        ranks = sum(spectrum.shape[-1] for spectrum in spectra)
        mixed_entropy = state_entropy(mixed, min(mixed.shape[-1], ranks))
        return _body_entropies(rows, dims), mixed_entropy, *spectra

    bodies, mixed, *spectra = _over_rows(compute, x)
    return Correlations(bodies, mixed, torch.zeros_like(mixed), tuple(spectra))


def _body_spectra(rows: Tensor, dims: tuple[int, ...]) -> list[Tensor]:
    """Squared Schmidt coefficients of each body against the rest; those of two bodies are equal."""
    cuts = range(1 if len(dims) == 2 else len(dims))
    spectra = [torch.linalg.svdvals(unfold(rows, dims, (m,))).square() for m in cuts]
    return spectra * 2 if len(dims) == 2 else spectra


def _squared_spectra(
    rows: Tensor, dims: tuple[int, ...], reduced: Sequence[Tensor]
) -> list[Tensor]:
    """`_body_spectra` from the smaller Gram matrix of each cut, which the reduced states mostly are.

    An eigenvalue is off by a few units of double precision, whatever its size: that is nothing in
    an entropy, and half the work of singular values.
    """
    if len(dims) == 2:
        return [_descending(reduced[0 if dims[0] <= dims[1] else 1])] * 2
    spectra = []
    for m, rho in enumerate(reduced):
        cut = unfold(rows, dims, (m,))
        spectra.append(_descending(rho if cut.shape[-2] <= cut.shape[-1] else cut.mH @ cut))
    return spectra


def _descending(gram: Tensor) -> Tensor:
    return torch.linalg.eigvalsh(gram).flip(-1).clamp(min=0)


def _body_entropies(rows: Tensor, dims: tuple[int, ...]) -> Tensor:
    cuts = range(1 if len(dims) == 2 else len(dims))
    entropies = [_cut_entropy(unfold(rows, dims, (m,))) for m in cuts]
    return torch.stack(entropies * 2 if len(dims) == 2 else entropies, -1)


def _cut_entropy(x: Tensor) -> Tensor:
    """Entropy of either part of states written as matrices, differentiable where asked for."""
    if x.requires_grad:
        return vector_entropy(x)
    return shannon_entropy(torch.linalg.svdvals(x).square())


def _parts_pure(
    states: Tensor, dims: tuple[int, ...], parts: tuple[tuple[int, ...], ...]
) -> tuple[Tensor, ...]:
    """Entropy of each part of pure states."""

    def compute(rows: Tensor) -> tuple[Tensor, ...]:
        return tuple(_cut_entropy(unfold(rows, dims, part)) for part in parts)

    return _over_rows(compute, states)


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


def _of_product(product: ProductState) -> Correlations:
    mixed = shannon_entropy(mixture_spectrum(product))
    one = torch.ones_like(mixed).unsqueeze(-1)
    return Correlations(
        bodies=torch.zeros_like(mixed).unsqueeze(-1).expand(*mixed.shape, 2),
        mixture=mixed,
        whole=torch.zeros_like(mixed),
        spectra=(one, one),
    )


def _over_rows(
    compute: Callable[[Tensor], tuple[Tensor, ...]], states: Tensor
) -> tuple[Tensor, ...]:
    """`map_rows` for any leading axes."""
    lead = states.shape[:-1]
    results = map_rows(compute, states.reshape(-1, states.shape[-1]))
    return tuple(result.reshape((*lead, *result.shape[1:])) for result in results)


def _is_pure(x: Tensor, dims: tuple[int, ...], pure: bool | None) -> bool:
    if pure is not None:
        return pure
    if not isinstance(x, Tensor):
        raise TypeError(f"x: expected a tensor, got {type(x).__name__}")
    check_last_size("x", x, dims)
    return x.dim() < 2 or x.shape[-2] != x.shape[-1]


def _checked_matrix(rho: Tensor, dims: tuple[int, ...]) -> Tensor:
    check_density_matrix(rho)
    check_last_size("rho", rho, dims)
    return hermitian(rho)
