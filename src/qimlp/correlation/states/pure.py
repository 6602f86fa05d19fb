"""Correlations of pure states: from vectors scaled to length 1, never from a `d x d` matrix."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from qimlp.correlation.states.density import mixture, pure_reduced
from qimlp.correlation.states.entropy import shannon_entropy, spectrum_entropy
from qimlp.correlation.states.entropy_gradients import state_entropy, vector_entropy
from qimlp.correlation.states.map_rows import map_rows
from qimlp.correlation.states.products import (
    ProductState,
    fitted_product,
    mixture_spectrum,
    nearest_product,
)
from qimlp.correlation.states.vectors import squares_suffice, unfold, unit_length

Subsystems = Literal["partial_trace", "nearest_product", "fitted"]
SUBSYSTEMS: tuple[Subsystems, ...] = get_args(Subsystems)
"""Which states the bodies are taken to be in, see `strong_correlation`."""


@dataclass(frozen=True)
class Correlations:
    """Everything that strong correlation is made of, in nats, one value per state.

    Attributes:
        bodies: Entropies `S(rho_m)` of the M bodies, shape `(..., M)`.
        mixture: `S(rho_(A+B))`, entropy of the bodies' states as one ensemble with equal weights
            (Eq. 11), the paper's classical correlation; shape `(...)`.
        whole: `S(rho)`, zero for a pure state; shape `(...)`.
        spectra: For each body the eigenvalues of its state, descending, `(..., n_m)`; eigenvalues
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


def vector_correlations(x: Tensor, dims: tuple[int, ...], subsystems: Subsystems) -> Correlations:
    """Compute `correlations` of vectors that `check_vectors` lets pass.

    Args:
        x: Shape (..., d).
        dims: Sizes of the bodies.
        subsystems: As in `strong_correlation`.

    Returns:
        The parts, in nats.
    """
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
        return body_entropies(rows, dims), mixed_entropy, *spectra

    bodies, mixed, *spectra = over_rows(compute, x)
    return Correlations(bodies, mixed, torch.zeros_like(mixed), tuple(spectra))


def _body_spectra(rows: Tensor, dims: tuple[int, ...]) -> list[Tensor]:
    """Squared Schmidt coefficients of each body against the rest; those of two bodies are equal."""
    cuts = range(1 if len(dims) == 2 else len(dims))
    spectra = [torch.linalg.svdvals(unfold(rows, dims, (m,))).square() for m in cuts]
    return spectra * 2 if len(dims) == 2 else spectra


def _squared_spectra(
    rows: Tensor, dims: tuple[int, ...], reduced: Sequence[Tensor]
) -> list[Tensor]:
    """`_body_spectra` from the smaller Gram matrix of each cut: mostly the reduced state itself.

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
    values: Tensor = torch.linalg.eigvalsh(gram)
    return values.flip(-1).clamp(min=0)


def body_entropies(rows: Tensor, dims: tuple[int, ...]) -> Tensor:
    """Compute the entropy of every body, differentiable.

    Args:
        rows: States of length 1, shape (n, d).
        dims: Sizes of the M bodies.

    Returns:
        Shape (n, M), in nats.
    """
    cuts = range(1 if len(dims) == 2 else len(dims))
    entropies = [cut_entropy(unfold(rows, dims, (m,))) for m in cuts]
    return torch.stack(entropies * 2 if len(dims) == 2 else entropies, -1)


def cut_entropy(x: Tensor) -> Tensor:
    """Compute the entropy of either part of states, differentiable where asked for.

    Args:
        x: States written as matrices, shape (..., a, b).

    Returns:
        Shape (...), in nats.
    """
    if x.requires_grad:
        return vector_entropy(x)
    return shannon_entropy(torch.linalg.svdvals(x).square())


def _of_product(product: ProductState) -> Correlations:
    mixed = shannon_entropy(mixture_spectrum(product))
    one = torch.ones_like(mixed).unsqueeze(-1)
    return Correlations(
        bodies=torch.zeros_like(mixed).unsqueeze(-1).expand(*mixed.shape, 2),
        mixture=mixed,
        whole=torch.zeros_like(mixed),
        spectra=(one, one),
    )


def over_rows(
    compute: Callable[[Tensor], tuple[Tensor, ...]], states: Tensor
) -> tuple[Tensor, ...]:
    """Apply a function row by row, for any leading axes; see `map_rows`.

    Args:
        compute: Maps rows (n, d) to tensors (n, ...).
        states: Shape (..., d).

    Returns:
        What `compute` returns, with the leading axes of `states`.
    """
    lead = states.shape[:-1]
    results = map_rows(compute, states.reshape(-1, states.shape[-1]))
    return tuple(result.reshape((*lead, *result.shape[1:])) for result in results)
