"""An order of features in which neighbours belong together, learned without labels.

What a Kronecker layer can use depends on which features share a body. Pixels come on a grid; words
and table columns do not. Recursive spectral bisection gives them one: features are vertices of a
graph whose edges are similarities over the training examples, and each part of it is halved along
the Fiedler vector of its normalised Laplacian.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from qimlp.data.extras import import_extra

_SMALLEST = 4
"""Parts of this many features or fewer stay as they are."""
_DENSE = 64
"""Below this the whole spectrum is cheaper than an iteration."""


def spectral_order(inputs: Tensor, *, centre: bool) -> Tensor:
    """Order features by recursive spectral bisection.

    Args:
        inputs: (N, F) training examples, without labels.
        centre: Whether a feature is measured from its mean: similarity is then the absolute
            correlation (tables), otherwise the absolute cosine (term weights).

    Returns:
        (F,) `int64`: the features' present numbers in their new order; those that are the same
        in all examples, or without `centre` always zero, come last.

    Raises:
        ValueError: `inputs` is no matrix or has no rows.
    """
    signed, constant = correlations(inputs, centre=centre)
    similarity = np.abs(signed)
    parts = [np.flatnonzero(~constant)]
    while any(len(part) > _SMALLEST for part in parts):
        parts = [half for part in parts for half in _halves(similarity, part)]
    return torch.from_numpy(np.concatenate([*parts, np.flatnonzero(constant)]))


def correlations(inputs: Tensor, *, centre: bool) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Correlate features, or take their cosines.

    Args:
        inputs: (N, F) examples.
        centre: Whether a feature is measured from its mean.

    Returns:
        (F, F) correlations or cosines, and (F,) which features are the same in all examples, or
        without `centre` always zero.

    Raises:
        ValueError: `inputs` is no matrix or has no rows.
    """
    if inputs.ndim != 2 or inputs.numel() == 0:
        raise ValueError(f"expected examples (N, F), got shape {tuple(inputs.shape)}")
    columns = inputs.to(torch.float32)
    if centre:
        columns = columns - columns.mean(dim=0)
    norms = columns.norm(dim=0)
    if not bool(norms.isfinite().all()):  # squares beyond float32
        columns = columns.double()
        norms = columns.norm(dim=0)
    columns = columns / norms.clamp_min(1e-12)
    constant = (inputs == inputs[:1]).all(dim=0) if centre else norms == 0
    return (columns.T @ columns).float().numpy(), constant.numpy()


def _halves(similarity: NDArray[np.float32], part: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    if len(part) <= _SMALLEST:
        return [part]
    ordered = part[np.argsort(_fiedler(similarity[np.ix_(part, part)]), kind="stable")]
    return [ordered[: len(part) // 2], ordered[len(part) // 2 :]]


def _fiedler(similarity: NDArray[np.float32]) -> NDArray[np.float64]:
    """The eigenvector that comes second, as a value per vertex; its sign is fixed."""
    degree = similarity.sum(axis=1, dtype=np.float64) + 1e-9
    root = np.sqrt(degree)
    scaled = similarity / np.outer(root, root)
    if len(scaled) <= _DENSE:
        vector = np.linalg.eigh(scaled)[1][:, -2]
    else:
        start = np.linspace(-1.0, 1.0, len(scaled)) + 1.5
        linalg = import_extra("scipy.sparse.linalg")
        try:
            values, vectors = linalg.eigsh(scaled, k=2, which="LA", v0=start, tol=1e-5)
            vector = vectors[:, np.argmin(values)]
        except linalg.ArpackError:  # too little is similar to anything else
            vector = np.linalg.eigh(scaled)[1][:, -2]
    vector = vector / root
    return np.asarray(vector * np.sign(vector[np.argmax(np.abs(vector))]))
