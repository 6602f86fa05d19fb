"""Places in the plane, where distances along the graph of neighbours become city-block distances.

A separable correlation that falls off exponentially is exp(-|dx| - |dy|): its logarithm is the
city-block distance. Steps along the edges of a grid have that distance, too.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qimlp.data.extras import import_extra

Matrix = NDArray[np.float32]

_STEPS = 800
_LANDMARKS = 256
"""Features that the others measure their distance from, drawn anew at each step."""
_RATE = 0.1
_BETAS = 0.9, 0.99
_DELTA = 2.0
"""Differences above this count linearly: a wrong edge is a short cut across the grid."""


def lay_out(joined: NDArray[np.bool_], axes: int) -> NDArray[np.float64]:
    """Lay out the vertices of a graph by their distances along its edges.

    Args:
        joined: (n, n) symmetric; the graph is of one piece.
        axes: 1 or 2.

    Returns:
        (n, axes) places, the middle of their range at 0, about one step between neighbours.
    """
    graph = import_extra("scipy.sparse.csgraph")
    edges = import_extra("scipy.sparse").csr_matrix(joined.astype(np.float64))
    distances = graph.shortest_path(edges, directed=False, unweighted=True).astype(np.float32)
    start = _principal_axes(distances, axes)
    found = _city_block(start, distances).astype(np.float64)
    return np.asarray(found - (found.max(axis=0) + found.min(axis=0)) / 2)


def _principal_axes(distances: Matrix, axes: int) -> Matrix:
    """Classical scaling; the sign of an axis is fixed."""
    squared = distances**2
    middle = squared.mean(axis=0)
    inner = -0.5 * (squared - middle - middle[:, None] + squared.mean())
    if len(inner) <= 64:
        values, vectors = np.linalg.eigh(inner)
        values, vectors = values[-axes:], vectors[:, -axes:]
    else:
        first = np.linspace(-1.0, 1.0, len(inner), dtype=np.float32) + 1.5
        linalg = import_extra("scipy.sparse.linalg")
        values, vectors = linalg.eigsh(inner, k=axes, which="LA", v0=first, tol=1e-4)
    extreme = np.take_along_axis(vectors, np.abs(vectors).argmax(axis=0)[None], axis=0)
    return np.asarray(vectors * np.sign(extreme) * np.sqrt(np.maximum(values, 0)), np.float32)


def _city_block(start: Matrix, distances: Matrix) -> Matrix:
    """Move the places until their city-block distances are those wanted, near ones above all.

    Steps are Adam's; each place is moved by its distances from the landmarks.
    """
    places = start.copy()
    mean, square = np.zeros_like(places), np.zeros_like(places)
    random = np.random.default_rng(0)
    for step in range(_STEPS):
        marks = random.permutation(len(places))[:_LANDMARKS]
        offsets = places[:, None] - places[marks]
        wanted = distances[:, marks]
        misses = np.abs(offsets).sum(axis=-1) - wanted
        pull = np.clip(misses, -_DELTA, _DELTA) / np.maximum(wanted, 1)
        slope = np.einsum("nm,nma->na", pull, np.sign(offsets)) / len(marks)
        mean += (1 - _BETAS[0]) * (slope - mean)
        square += (1 - _BETAS[1]) * (slope**2 - square)
        corrected = np.sqrt(square / (1 - _BETAS[1] ** (step + 1))) + np.float32(1e-12)
        rate = _RATE * (1 - step / _STEPS) / (1 - _BETAS[0] ** (step + 1))
        places -= np.float32(rate) * mean / corrected
    return places
