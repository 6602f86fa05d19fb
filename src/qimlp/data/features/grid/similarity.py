"""Which features are alike, and which of them are neighbours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qimlp.data.extras import import_extra

Matrix = NDArray[np.float32]

_RIDGE = 0.1
"""Added to the diagonal of the correlations before they are inverted."""


def turned(correlations: Matrix) -> Matrix:
    """Turn features round so that those that go together have positive correlations.

    Signs are carried along the tree of the strongest correlations.

    Args:
        correlations: (n, n) of either sign.

    Returns:
        (n, n) from -1 to 1.
    """
    parent = _strongest_tree(np.abs(correlations))
    sign = np.ones(len(correlations), dtype=np.float32)
    for vertex, above in parent:
        sign[vertex] = sign[above] * np.sign(correlations[vertex, above] or 1.0)
    return correlations * np.outer(sign, sign)


def partial_correlations(correlations: Matrix, rows: int) -> Matrix:
    """Correlation of pairs of features that no other feature explains, where it is positive.

    Of a grid of pixels these are the next neighbours: what is further away is explained by what
    lies between.

    Args:
        correlations: (n, n), from `turned`.
        rows: Examples that they are measured on; few of them are trusted less.

    Returns:
        (n, n) numbers from 0 to 1 with a diagonal of 0.
    """
    count = len(correlations)
    ridge = np.float32(_RIDGE + count / rows)
    inverse = np.linalg.inv(correlations + ridge * np.eye(count, dtype=np.float32))
    root = np.sqrt(np.diag(inverse))
    partial = np.where(correlations > 0, -inverse / np.outer(root, root), 0)
    return positive(partial)


def positive(correlations: Matrix) -> Matrix:
    """Leave out what is negative, and the diagonal.

    Args:
        correlations: (n, n).

    Returns:
        (n, n) from 0 to 1.
    """
    kept = np.clip(correlations, 0, 1)
    np.fill_diagonal(kept, 0)
    return kept


def neighbour_graph(strength: Matrix, neighbours: int) -> NDArray[np.bool_]:
    """Join features that count each other among their strongest few, and all into one piece.

    Edges of a grid are sides of a square. One that is no side of a square or a triangle, a short
    cut perhaps, is kept only where it is needed to join two pieces.

    Args:
        strength: (n, n) symmetric, from 0 to 1.
        neighbours: How many of the strongest count.

    Returns:
        (n, n) symmetric: whether two features are joined.
    """
    strongest = np.argsort(-strength, axis=1, kind="stable")[:, :neighbours]
    chosen = np.zeros(strength.shape, dtype=bool)
    np.put_along_axis(chosen, strongest, values=True, axis=1)
    joined = chosen & chosen.T & (strength > 0)
    joined &= _in_small_cycles(joined)
    for vertex, above in _strongest_tree(np.where(joined, 1, strength / 2).astype(np.float32)):
        joined[vertex, above] = joined[above, vertex] = True
    return joined


def _in_small_cycles(joined: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which edges are sides of a triangle or a square."""
    edges = import_extra("scipy.sparse").csr_matrix(joined.astype(np.int32))
    walks = edges @ edges
    around = (walks + walks @ edges).toarray()
    degree = joined.sum(axis=0)
    # Walks of three steps from end to end that go over the edge itself: out and back at one end.
    return np.asarray(around > degree[:, None] + degree - 1)


def _strongest_tree(strength: Matrix) -> list[tuple[int, int]]:
    """The tree that joins all by the strongest pairs: each with the one above it, from the root."""
    graph = import_extra("scipy.sparse.csgraph")
    # Zeros would be no edges: the tree also needs pairs that have nothing in common.
    tree = graph.minimum_spanning_tree(2.0 - np.clip(strength, 0, 1).astype(np.float64))
    start = int(strength.sum(axis=1).argmax())
    order, above = graph.breadth_first_order(tree, start, directed=False)
    return [(int(vertex), int(above[vertex])) for vertex in order[1:]]
