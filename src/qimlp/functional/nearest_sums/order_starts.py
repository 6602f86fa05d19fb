"""Orders of inputs in which an exact Kronecker sum with shuffled inputs is whole again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

import torch
from torch import Tensor

from qimlp.functional.nearest_sums.assignment import assigned

_MOST_DRAWS = 4096
_MOST_NUMBERS = 4_000_000
"""Held at once, one for each draw, input and product."""


def grouped_orders(
    columns: Tensor, in_dims: Sequence[int], out_dims: Sequence[int], rank: int
) -> Iterator[Tensor]:
    """Orders by the spaces that the inputs' columns span.

    The column of input `(i, j)` of a sum, as a matrix of the shape of the outputs, is
    `X = A_i B_j^T` with `rank` inner dimensions. Its rows lie in a space that j alone decides, its
    columns in one that i decides; where one of them is not everything, inputs fall into classes.
    Within a class of j the matrices `X (sum X^T X)^+ X^T` depend on i alone, and name it.

    Args:
        columns: Shape `(out_features, in_features)`, float64, on the CPU, near one.
        in_dims: Two sizes or more.
        out_dims: As many.
        rank: Number of summed products.

    Yields:
        Permutations of the inputs, most a guess: no space is checked.
    """
    if len(in_dims) == 1:
        yield torch.arange(in_dims[0])
        return
    first, rest = out_dims[0], prod(out_dims[1:])
    members, classes = in_dims[0], prod(in_dims[1:])
    blocks = columns.t().reshape(-1, first, rest)
    grids = []
    if rest > 1:
        grids.append(_arranged(blocks, classes, members, min(rank, rest - 1)))
    if first > 1:
        grids.append(_arranged(blocks.mT, members, classes, min(rank, first - 1)).t())
    for grid in grids:
        if len(in_dims) == 2:
            yield grid.flatten()
            continue
        # What is left: the order of the other bodies, alike for each entry of the first factor.
        ordered = columns[:, grid.flatten()].reshape(first, rest, members, classes)
        inner = ordered.permute(0, 2, 1, 3).reshape(-1, classes)
        outs = (first * members * out_dims[1], *out_dims[2:])
        for order in grouped_orders(inner, in_dims[1:], outs, rank):
            yield grid[:, order].flatten()


def _arranged(blocks: Tensor, classes: int, members: int, rank: int) -> Tensor:
    """Shape `(members, classes)`: inputs whose rows span one space below each other."""
    norms = blocks.flatten(1).norm(dim=1)
    directions = blocks / torch.where(norms > 0, norms, 1).view(-1, 1, 1)
    free = norms.argsort(descending=True, stable=True)
    generator = torch.Generator().manual_seed(0)
    grid, names = torch.empty(members, classes, dtype=torch.int64), None
    for column in range(classes):
        chosen = _class(directions[free], members, rank, generator)
        found = free[chosen]
        own = _names(blocks[found], rank)
        names = own if names is None else names
        grid[:, column] = found[assigned(names, own)]
        kept = torch.ones(len(free), dtype=torch.bool)
        kept[chosen] = False
        free = free[kept]
    return grid


def _class(blocks: Tensor, members: int, rank: int, generator: torch.Generator) -> Tensor:
    """Places of the first block and of those whose rows lie nearest to a space with its own.

    Where its own rows are too few for that space, others are drawn to join them, many times.
    """
    count, rows, width = blocks.shape
    more = min(-(-rank // min(rows, width)), members) - 1
    draws = max(1, min(_MOST_DRAWS, _MOST_NUMBERS // (count * rank))) if more else 1
    drawn = torch.randint(1, max(2, count), (draws, more), generator=generator)
    joined = torch.cat([torch.zeros(draws, 1, dtype=torch.int64), drawn], 1)
    spaces = torch.linalg.svd(blocks[joined].flatten(1, 2), full_matrices=False).Vh[:, :rank]
    inside = (blocks.flatten(0, 1) @ spaces.mT).square().sum(2).unflatten(1, (count, rows)).sum(2)
    inside[:, 0] = torch.inf  # itself, whatever rounding says
    nearest = inside.topk(members, dim=1)
    best: Tensor = nearest.indices[nearest.values[:, 1:].sum(1).argmax()]
    return best


def _names(blocks: Tensor, rank: int) -> Tensor:
    """Shape `(members, entries)`: `X (sum X^T X)^+ X^T` of each block, the same in every class."""
    left, _, _ = torch.linalg.svd(blocks.flatten(0, 1), full_matrices=False)
    rows = left[:, :rank].reshape(*blocks.shape[:2], -1)
    names: Tensor = (rows @ rows.mT).flatten(1)
    return names
