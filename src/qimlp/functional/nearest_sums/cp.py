"""The canonical polyadic decomposition: a tensor as a sum of few outer products."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

import torch
from torch import Tensor

from qimlp.functional.nearest_sums.cp_als import als
from qimlp.functional.nearest_sums.cp_newton import miss, newton_flops, polish
from qimlp.functional.nearest_sums.cp_starts import pencil_start, random_start, unit_start

_EXACT = 1e-13  # of the tensor's norm: nothing nearer is to be had
_RANDOM_STARTS = 8
_FEW_STEPS, _MANY_STEPS = 40, 400
_MOST_FLOPS = 1e10
"""Of the starts together; a tensor on which they take more has one start, by its subspaces."""


def cp_columns(tensor: Tensor, rank: int) -> list[Tensor]:
    """Vectors of the outer products whose sum comes nearest to a tensor, as far as found.

    A sum of outer products that lie in general position is recovered to rounding wherever two
    groups of axes hold as many dimensions as there are products (eigenvectors of a matrix pencil),
    and where that fails mostly by one of several starts. Fewer products than asked for are returned
    where they are enough.

    Args:
        tensor: Three axes or more, float64, with entries near one, not zero.
        rank: Most outer products.

    Returns:
        For each axis a tensor of shape `(products, size)`.
    """
    core, bases = _compressed(tensor.cpu())
    factors = _decomposed(core, rank)
    return [
        (basis @ factor).t().to(tensor.device) for basis, factor in zip(bases, factors, strict=True)
    ]


def _compressed(tensor: Tensor) -> tuple[Tensor, list[Tensor]]:
    """The tensor in orthonormal bases of what its axes span; only rounding is left out."""
    core, bases = tensor, []
    for axis in range(tensor.dim()):
        moved = core.movedim(axis, 0)
        u, s, _ = torch.linalg.svd(moved.flatten(1), full_matrices=False)
        basis = u[:, : max(1, int((s > 1e-14 * s[0]).sum()))]
        core = torch.tensordot(basis.t(), moved, dims=1).movedim(0, axis)
        bases.append(basis)
    return core.contiguous(), bases


def _decomposed(core: Tensor, rank: int) -> list[Tensor]:
    """Factors of shape `(size, products)` of a tensor whose axes are all needed."""
    widest = max(core.shape)
    if widest < rank:  # no fewer products can do, and maybe no more are needed
        fewest = _best(core, widest)
        if miss(core, fewest) <= _EXACT:
            return fewest
    if prod(core.shape) // widest <= rank:
        return unit_start(core)
    return _best(core, rank)


def _best(core: Tensor, rank: int) -> list[Tensor]:
    """The nearest of what the starts lead to."""
    step = newton_flops(core, rank)
    newton = step * _FEW_STEPS * _RANDOM_STARTS <= _MOST_FLOPS
    best: list[Tensor] = []
    nearest = torch.inf
    for start in _starts(core, rank, several=newton):
        found = polish(core, start, _FEW_STEPS) if newton else start
        missed = miss(core, found)
        if not best or missed < nearest:
            best, nearest = found, missed
        if nearest <= _EXACT:
            return best
    return polish(core, best, _MANY_STEPS) if newton else best


def _starts(core: Tensor, rank: int, *, several: bool) -> Iterator[list[Tensor]]:
    generator = torch.Generator().manual_seed(0)
    pencil = pencil_start(core, rank, generator)
    if pencil is not None:
        yield pencil
    yield als(core, rank)
    for _ in range(_RANDOM_STARTS if several else 0):
        yield random_start(core, rank, generator)
