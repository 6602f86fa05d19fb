"""Features to the cells of a grid: by their places first, then by what is beside them.

With similarities A and a kernel K over the cells that is itself a Kronecker product, K = K1 (x) K2,
tr(A P K P^T) is largest for the permutation P that makes A as nearly separable as a kernel of that
length can see. It is raised by Frank-Wolfe over doubly stochastic matrices [1].

[1] J. T. Vogelstein et al., Fast approximate quadratic programming for graph matching, 2015.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from qimlp.data.extras import import_extra

Matrix = NDArray[np.float32]
Cells = NDArray[np.int64]

_ITERATIONS = 60
_LEAST_MOVED = 1e-3
"""Share of all features that a step must move for another one."""
_TILE = 32
"""Cells along an edge of a part that is solved at a time."""


def nearest_cells(places: NDArray[np.float64], shape: tuple[int, int]) -> Cells:
    """Give every feature a cell of its own, together as near as can be to their places.

    Args:
        places: (n, 2), cells apart, the middle of the grid at 0.
        shape: Rows and columns of the grid, of at least n cells.

    Returns:
        (n,) numbers of cells, row by row.
    """
    rows, columns = (np.arange(size) - (size - 1) / 2 for size in shape)
    apart = (places[:, :1] - rows) ** 2, (places[:, 1:] - columns) ** 2
    costs = (apart[0][:, :, None] + apart[1][:, None, :]).reshape(len(places), -1)
    return np.asarray(import_extra("scipy.optimize").linear_sum_assignment(costs)[1], np.int64)


def improve(alike: Matrix, cells: Cells, shape: tuple[int, int], lengths: Sequence[float]) -> Cells:
    """Move features so that similar ones lie near one another, with a kernel of shrinking length.

    A large grid is improved part by part, in two divisions so that all borders are crossed.

    Args:
        alike: (n, n) similarities from 0, as many as the grid has cells.
        cells: (n,) the cell of each feature.
        shape: Rows and columns of the grid.
        lengths: Of the Gaussian kernel, in cells, in turn.

    Returns:
        (n,) the new cell of each feature.
    """
    for length in lengths:
        kernels = [_kernel(size, length) for size in shape]
        for tile in _tiles(shape):
            cells = _improve_tile(alike, cells, kernels, tile)
    return cells


def closeness(alike: Matrix, cells: Cells, shape: tuple[int, int], length: float) -> float:
    """What `improve` raises: the similarity of all pairs, weighted by the kernel of their cells."""
    kernels = [_kernel(size, length) for size in shape]
    row, column = np.divmod(cells, shape[1])
    return float((alike * kernels[0][np.ix_(row, row)] * kernels[1][np.ix_(column, column)]).sum())


def _kernel(size: int, length: float) -> Matrix:
    steps = np.arange(size)
    return np.exp(-0.5 * ((steps[:, None] - steps) / length) ** 2).astype(np.float32)


def _tiles(shape: tuple[int, int]) -> Iterator[tuple[slice, slice]]:
    """The whole grid where it is small; else its parts, then those halfway between them."""
    parts = [-(-size // _TILE) for size in shape]
    for shift in (0.0, 0.5) if max(parts) > 1 else (0.0,):
        edges = []
        for size, count in zip(shape, parts, strict=True):
            inner = [round(size * (part + shift) / count) for part in range(count)]
            edges.append(sorted({0, *inner, size}))
        for top, bottom in zip(edges[0][:-1], edges[0][1:], strict=True):
            for left, right in zip(edges[1][:-1], edges[1][1:], strict=True):
                yield slice(top, bottom), slice(left, right)


def _improve_tile(
    alike: Matrix, cells: Cells, kernels: Sequence[Matrix], tile: tuple[slice, slice]
) -> Cells:
    shape = len(kernels[0]), len(kernels[1])
    numbers = np.arange(shape[0] * shape[1]).reshape(shape)[tile].ravel()
    here = np.flatnonzero(np.isin(cells, numbers))
    pull = _pull_from_outside(alike, cells, here, kernels, tile)
    inner = [kernel[part, part] for kernel, part in zip(kernels, tile, strict=True)]
    start = np.searchsorted(numbers, cells[here])
    found = _frank_wolfe(alike[np.ix_(here, here)], start, inner, pull)
    new = cells.copy()
    new[here] = numbers[found]
    return new


def _pull_from_outside(
    alike: Matrix,
    cells: Cells,
    here: Cells,
    kernels: Sequence[Matrix],
    tile: tuple[slice, slice],
) -> Matrix:
    """How much each feature of a tile is drawn to each of its cells by those that stay."""
    shape = len(kernels[0]), len(kernels[1])
    placed = np.zeros((len(here), shape[0] * shape[1]), np.float32)
    placed[:, cells] = alike[here]
    placed[:, cells[here]] = 0
    return _smoothed(placed, [kernel[:, part] for kernel, part in zip(kernels, tile, strict=True)])


def _smoothed(weights: Matrix, kernels: Sequence[Matrix]) -> Matrix:
    """`weights @ kron(*kernels)`."""
    grids = weights.reshape(len(weights), len(kernels[0]), len(kernels[1]))
    return np.asarray((kernels[0].T @ (grids @ kernels[1])).reshape(len(weights), -1))


def _frank_wolfe(alike: Matrix, start: Cells, kernels: Sequence[Matrix], pull: Matrix) -> Cells:
    """Raise tr(alike P K P^T) + 2 tr(pull^T P) from the permutation `start`; round P at the end."""
    assign = import_extra("scipy.optimize").linear_sum_assignment
    here = np.eye(len(start), dtype=np.float32)[start]
    slope = alike @ _smoothed(here, kernels) + pull
    for _ in range(_ITERATIONS):
        step = np.eye(len(start), dtype=np.float32)[assign(slope, maximize=True)[1]] - here
        change = alike @ _smoothed(step, kernels)
        gain, bend = float((slope * step).sum()), float((change * step).sum())
        share = 1.0 if gain + bend >= 0 else -gain / bend
        if share * np.abs(step).sum() / (2 * len(start)) < _LEAST_MOVED:
            break
        here += np.float32(share) * step
        slope += np.float32(share) * change
    return np.asarray(assign(here, maximize=True)[1], np.int64)
