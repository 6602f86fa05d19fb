"""The order of features that reads a grid row by row on which neighbours are alike."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
import torch
from torch import Tensor

from qimlp.data.features.grid.assignment import Cells, closeness, improve, nearest_cells
from qimlp.data.features.grid.layout import lay_out
from qimlp.data.features.grid.similarity import (
    Matrix,
    neighbour_graph,
    partial_correlations,
    positive,
    turned,
)
from qimlp.data.features.ordering import correlations

_LENGTHS = (2.0, 1.4, 1.0)
"""Of the kernel, in cells, from coarse to fine."""
_ROUNDS = 4
"""How often they are gone through at most."""
_LARGE = 1024
"""Cells of a grid above which they are gone through once: minutes for 5,000 features."""


def grid_order(inputs: Tensor, dims: Sequence[int], *, centre: bool) -> Tensor:
    """Place features on a grid so that their correlation is as nearly separable as can be.

    Features that are neighbours by their partial correlations are laid out in the plane so that
    steps from neighbour to neighbour become city-block distances, given the nearest cells of the
    grid, and moved to where a separable kernel of shrinking length finds them most alike.

    Args:
        inputs: (N, F) training examples, without labels.
        dims: Sizes of the bodies that the features are split into, of product F. The first of
            more than two bodies number the rows together, the others the columns, so that the
            grid comes nearest to a square.
        centre: As for `spectral_order`.

    Returns:
        (F,) `int64`: the features' present numbers in their new order, row by row of the grid;
        those that are the same in all examples, or without `centre` always zero, fill the cells
        that are left over.

    Raises:
        ValueError: `inputs` is no matrix or has no rows, or `dims` are not its features.
    """
    matrix, constant = correlations(inputs, centre=centre)
    shape = grid_shape(dims)
    if prod(shape) != len(constant):
        sizes = "x".join(map(str, dims))
        raise ValueError(f"expected bodies of {len(constant)} features in all, got {sizes}")
    alive = np.flatnonzero(~constant)
    order = np.concatenate([alive, np.flatnonzero(constant)])
    if len(alive) > 2:
        cells = _cells(turned(matrix[np.ix_(alive, alive)]), len(inputs), shape)
        order[cells] = order.copy()
    return torch.from_numpy(order)


def grid_shape(dims: Sequence[int]) -> tuple[int, int]:
    """Rows and columns of the grid that bodies make: of all splits the one nearest to a square.

    Args:
        dims: Sizes of the bodies.

    Returns:
        Product of the first bodies, and of the others.
    """
    splits = [(prod(dims[:at]), prod(dims[at:])) for at in range(1, max(len(dims), 2))]
    return min(splits, key=max)


def _cells(matrix: Matrix, rows: int, shape: tuple[int, int]) -> Cells:
    """The cell of every feature; constant ones come last and take what is left over."""
    axes = [axis for axis, size in enumerate(shape) if size > 1]
    joined = neighbour_graph(partial_correlations(matrix, rows), 2 * len(axes))
    found = lay_out(joined, len(axes))
    count = prod(shape)
    padded = np.zeros((count, count), np.float32)
    padded[: len(matrix), : len(matrix)] = positive(matrix)
    starts = []
    for turn in (1, -1) if len(axes) == 2 else (1,):
        places = np.zeros((len(found), 2))
        places[:, axes] = found[:, ::turn]
        cells = nearest_cells(places, shape)
        starts.append(np.concatenate([cells, np.setdiff1d(np.arange(count), cells)]))
    best = max(starts, key=lambda cells: closeness(padded, cells, shape, _LENGTHS[0]))
    reached = closeness(padded, best, shape, _LENGTHS[-1])
    for _ in range(_ROUNDS if count <= _LARGE else 1):
        cells = improve(padded, best, shape, _LENGTHS)
        now = closeness(padded, cells, shape, _LENGTHS[-1])
        if now <= reached:
            break
        best, reached = cells, now
    return best
