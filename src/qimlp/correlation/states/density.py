"""Density matrices and partial traces."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor

from qimlp.correlation.states.arguments import check_bodies, check_part
from qimlp.correlation.states.checks import (
    check_dense,
    check_density_matrix,
    check_last_size,
    check_numbers,
)
from qimlp.correlation.states.entropy import hermitian
from qimlp.correlation.states.vectors import normalised, unfold


def density_matrix(x: Tensor, weights: Tensor | None = None) -> Tensor:
    """`|x><x|` of one state, or `sum_i p_i |x_i><x_i|` of a batch as an ensemble.

    This builds a `d x d` matrix. The measures of this package never do: give them the vectors.

    Args:
        x: One vector `(d,)`, or ensembles of n vectors `(..., n, d)`; each is scaled to length 1.
        weights: Of the vectors of an ensemble, shape `(n,)`, not negative; scaled to sum 1. Equal
            without any.

    Returns:
        Shape `(d, d)`, or `(..., d, d)` for ensembles; double precision.

    Raises:
        TypeError: If it is no floating-point or complex tensor.
        ValueError: If a vector is zero, NaN or infinite, there is none, or weights do not fit.
    """
    check_dense("x", x)
    if x.dim() == 0 or 0 in x.shape:
        raise ValueError(f"x: expected a vector (d,) or vectors (n, d), got {tuple(x.shape)}")
    states = normalised(x, (x.shape[-1],))
    if states.dim() == 1:
        if weights is not None:
            raise ValueError("weights: expected none for one vector; give an ensemble (n, d)")
        return torch.outer(states, states.conj())
    scaled = states * _probabilities(weights, states).sqrt().unsqueeze(-1)
    return scaled.mT @ scaled.conj()


def partial_trace(rho: Tensor, dims: Sequence[int], keep: int | Sequence[int]) -> Tensor:
    """Trace out all bodies but those in `keep`.

    Args:
        rho: Density matrices, shape `(..., d, d)`, `d = prod(dims)`.
        dims: Sizes of the bodies.
        keep: Indices of the bodies that stay, from 0; their order stays that of `dims`.

    Returns:
        Shape `(..., k, k)`, k the product of the kept sizes; double precision.

    Raises:
        TypeError: If it is no floating-point or complex tensor, or an index is no integer.
        ValueError: If it is no density matrix, or dims or indices do not fit.
    """
    sizes = check_bodies(dims)
    kept = check_part("keep", keep, len(sizes))
    check_density_matrix(rho)
    check_last_size("rho", rho, sizes)
    return trace_out(hermitian(rho), sizes, kept)


def trace_out(rho: Tensor, dims: tuple[int, ...], kept: tuple[int, ...]) -> Tensor:
    """Compute `partial_trace` without its checks.

    Args:
        rho: Shape (..., d, d).
        dims: Sizes of the bodies.
        kept: Indices of the bodies that stay, ascending; maybe all.

    Returns:
        Shape (..., k, k).
    """
    lead, count = rho.dim() - 2, len(dims)
    split = rho.reshape(*rho.shape[:-2], *dims, *dims)
    for body in reversed(range(count)):
        if body not in kept:
            half = (split.dim() - lead) // 2
            split = split.diagonal(dim1=lead + body, dim2=lead + half + body).sum(-1)
    size = prod(dims[body] for body in kept)
    return split.reshape((*rho.shape[:-2], size, size))


def reduced_density_matrix(x: Tensor, dims: Sequence[int], keep: int | Sequence[int]) -> Tensor:
    """`partial_trace` of `|x><x|` without building it.

    Args:
        x: Vectors, shape `(..., prod(dims))`; each is scaled to length 1.
        dims: Sizes of the bodies.
        keep: Indices of the bodies that stay, from 0.

    Returns:
        Shape `(..., k, k)`, k the product of the kept sizes; double precision.

    Raises:
        TypeError: If it is no floating-point or complex tensor, or an index is no integer.
        ValueError: If a vector is zero, NaN or infinite, or dims or indices do not fit.
    """
    sizes = check_bodies(dims)
    kept = check_part("keep", keep, len(sizes))
    return pure_reduced(normalised(x, sizes), sizes, kept)


def pure_reduced(states: Tensor, dims: tuple[int, ...], kept: tuple[int, ...]) -> Tensor:
    """Compute `reduced_density_matrix` of states that are known to be of length 1.

    Args:
        states: Shape (..., d).
        dims: Sizes of the bodies.
        kept: Indices of the bodies that stay, ascending.

    Returns:
        Shape (..., k, k).
    """
    cut = unfold(states, dims, kept)
    return cut @ cut.mH


def mixture(bodies: Sequence[Tensor]) -> Tensor:
    """The bodies' states as one ensemble with equal weights (Zhang et al., AAAI-25, Eq. 11).

    Where the bodies differ in size the smaller are embedded in the largest: their matrices are
    padded with zeros at the end of rows and columns.

    Args:
        bodies: Density matrices `(..., d_m, d_m)` of the M bodies.

    Returns:
        Shape `(..., n, n)`, n the largest `d_m`.
    """
    sizes = [rho.shape[-1] for rho in bodies]
    largest = sizes.index(max(sizes))
    total = bodies[largest].clone()
    for m, size in enumerate(sizes):
        if m != largest:
            total[..., :size, :size] += bodies[m]
    return total.div_(len(bodies))


def _probabilities(weights: Tensor | None, states: Tensor) -> Tensor:
    count = states.shape[-2]
    if weights is None:
        return torch.full((count,), 1 / count, dtype=torch.float64, device=states.device)
    check_numbers("weights", weights)
    if weights.shape != (count,) or weights.is_complex():
        raise ValueError(
            f"weights: expected {count} real numbers, one per vector, got shape "
            f"{tuple(weights.shape)} of {weights.dtype}"
        )
    if float(weights.min()) < 0 or float(weights.sum()) <= 0:
        raise ValueError("weights: expected numbers of 0 or more with a positive sum")
    precise = weights.to(torch.float64)
    return precise / precise.sum()
