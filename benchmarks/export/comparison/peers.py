"""emlearn's models: scikit-learn's forests and MLPs as C. They are made to fit a limit of flash."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import emlearn
import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.neural_network import MLPClassifier

from benchmarks.export.boards import Size
from benchmarks.export.comparison import compiled
from benchmarks.export.comparison.data import Array, Part
from benchmarks.export.comparison.networks import scaling

np.seterr(divide="warn", over="warn", under="ignore", invalid="warn")  # emlearn makes NumPy raise

_TREES = (1, 3, 9, 27)
_BYTES_OF_LEAF = 11.0  # a first guess
_INT16 = 30_000
_MOST_FEATURES = 127  # of emlearn's tables of trees


@dataclass(frozen=True)
class Peer:
    """A model as C.

    Attributes:
        name: Its sizes.
        size: Of its C.
        code: The C.
        integers: Low and high end of each feature where it takes int16; else None.
    """

    name: str
    size: Size
    code: str
    integers: tuple[Array, Array] | None = None

    def accuracy(self, part: Part) -> float:
        """Share of a part that its C tells right."""
        rows = part.rows.astype(np.float32)
        if self.integers is not None:
            rows = _as_int16(part.rows, *self.integers)
        found = compiled.answers(self.code, _includes(), rows)
        return float((found == part.labels).mean())


def forests(part: Part, limit: int, seed: int, trees: tuple[int, ...] = _TREES) -> Iterator[Peer]:
    """Fit random forests with as many leaves as a limit of flash allows.

    Args:
        part: What they learn on.
        limit: Most bytes of flash.
        seed: Of the forests.
        trees: How many trees they may have.

    Yields:
        One forest for each number of trees that fits.
    """
    ends = part.rows.min(axis=0).astype(np.float64), part.rows.max(axis=0).astype(np.float64)
    if part.rows.dtype == np.uint8:
        ends = np.zeros(1), np.full(1, 255.0)
    rows = _as_int16(part.rows, *ends)
    for count in trees:
        leaves, best = int(limit / (_BYTES_OF_LEAF * count)), None
        for _ in range(3):
            if leaves < 2:
                break
            model = RandomForestClassifier(count, max_leaf_nodes=leaves, random_state=seed)
            code, cost = _written(model.fit(rows, part.labels))
            if cost.flash <= limit:
                best = Peer(f"{count} trees of {leaves} leaves", cost, code, ends)
            if 0.95 * limit < cost.flash <= limit:
                break
            leaves = int(leaves * 0.98 * limit / cost.flash)
        if best is not None:
            yield best


def mlp(part: Part, hidden: int, lr: float, epochs: int, seed: int) -> Peer:
    """Fit scikit-learn's MLP of one hidden layer; its inputs' scaling goes into the weights.

    Args:
        part: What it learns on.
        hidden: Width of the hidden layer.
        lr: Of Adam.
        epochs: Passes over the part.
        seed: Of weights and order.
    """
    shift, scale = scaling(part)
    model = MLPClassifier((hidden,), learning_rate_init=lr, max_iter=epochs, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it has not converged
        model.fit((part.rows - shift) / scale, part.labels)
    first = model.coefs_[0] / np.reshape(np.broadcast_to(scale, part.rows.shape[1]), (-1, 1))
    model.intercepts_[0] = model.intercepts_[0] - np.broadcast_to(shift, len(first)) @ first
    model.coefs_[0] = first
    # "inline", its smaller form, fails in emlearn 0.23.2
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:  # it builds in tmp/ of the working folder
        os.chdir(folder)
        try:
            made = emlearn.convert(model, method="loadable")
        finally:
            os.chdir(before)
    code = made.save(name="model", inference=["loadable"])
    return Peer(f"{hidden} hidden", compiled.size(code, _includes()), code)


def _written(model: Any) -> tuple[str, Size]:
    """Trees as a table where emlearn can, which is smaller; else as code."""
    method = "loadable" if model.n_features_in_ <= _MOST_FEATURES else "inline"
    made = emlearn.convert(model, method=method, dtype="int16_t")
    code = made.save(name="model", include_proba=False)
    return code, compiled.size(code, _includes())


def _as_int16(rows: Array, low: Array, high: Array) -> Array:
    # Over the whole range also where features are small integers: emlearn cuts the decimals of
    # thresholds off, and a cut between the pixels 0 and 1 would be lost.
    spread = np.maximum(high - low, 1e-9)
    scaled: Array = (rows - low) / spread * (2 * _INT16) - _INT16
    return np.round(scaled.clip(-_INT16, _INT16)).astype(np.int16)


def _includes() -> Path:
    return Path(emlearn.__file__).parent
