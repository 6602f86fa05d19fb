"""One form for the same rows, whatever their order and however often each is repeated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

MOST_NUMBERS = 2**24
"""Inputs of more numbers stay as they are: a copy of them would cost more than it is worth."""

_CHUNK = 2**17  # numbers hashed at a time: they stay in the cache
_ODD = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Examples:
    """Rows ready for a network.

    Attributes:
        inputs: Of shape (n, columns), `float32`.
        targets: n class numbers, or numbers of shape (n, targets), `float64`.
        weights: How much each row counts, of shape (n,), `float64`; None where all count alike.
    """

    inputs: Tensor
    targets: Tensor
    weights: Tensor | None = None

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.inputs)

    @property
    def count(self) -> int:
        """Rows, each as often as its weight says where the weights are whole numbers."""
        if self.weights is None or not bool((self.weights == self.weights.round()).all()):
            return len(self)
        return int(self.weights.sum())

    def repeated(self) -> Examples:
        """Take each row as often as its weight says.

        Returns:
            Examples without weights; the same where a weight is no whole number or all of them
            would be too many.
        """
        if self.weights is None or self.count * self.inputs.shape[1] > MOST_NUMBERS:
            return self
        if not bool((self.weights == self.weights.round()).all()):
            return self
        rows = torch.arange(len(self)).repeat_interleave(self.weights.long())
        return Examples(self.inputs[rows], self.targets[rows])

    def select(self, rows: Tensor) -> Examples:
        """Take some rows.

        Args:
            rows: Their numbers.

        Returns:
            New examples.
        """
        weights = None if self.weights is None else self.weights[rows]
        return Examples(self.inputs[rows], self.targets[rows], weights)


def canonical(examples: Examples) -> Examples:
    """Merge rows that are the same and put the rest in an order of their content.

    What is then learned depends on each row's weight alone: a row with a weight of 3 does what
    three such rows do, wherever they stand.

    Args:
        examples: At least one row.

    Returns:
        Each row once, with the sum of its weights; as it came where it is large.
    """
    if examples.inputs.numel() > MOST_NUMBERS:
        return examples
    hashes = _hashes(examples)
    order = np.argsort(hashes, kind="stable")
    same = hashes[order[1:]] == hashes[order[:-1]]
    if same.any():
        places = np.flatnonzero(same) + 1
        same[places - 1] = _alike(examples, order[places], order[places - 1])
    first = np.concatenate(([True], ~same))
    rows = torch.from_numpy(order[first])
    if first.all():
        return examples.select(rows)
    weights = None if examples.weights is None else examples.weights.numpy()[order]
    summed = np.bincount(np.cumsum(first) - 1, weights).astype(np.float64)
    chosen = Examples(examples.inputs, examples.targets).select(rows)
    return Examples(chosen.inputs, chosen.targets, torch.from_numpy(summed))


def _alike(examples: Examples, rows: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[Any]:
    """Whether rows are the same as others, one by one."""
    inputs, targets = examples.inputs.numpy(), examples.targets.numpy()
    targets = targets.reshape(len(targets), -1)
    same = (inputs[rows] == inputs[others]).all(axis=1)
    same &= (targets[rows] == targets[others]).all(axis=1)
    return np.asarray(same)


def _hashes(examples: Examples) -> NDArray[np.uint64]:
    """A number of 64 bits for each row, the same for the same content."""
    targets = examples.targets.numpy().astype(np.float64).reshape(len(examples), -1)
    parts = (examples.inputs.numpy(), targets)
    width = sum(part.shape[1] for part in parts)
    generator = np.random.Generator(np.random.PCG64(0))
    factors = generator.integers(0, 2**64, width, dtype=np.uint64) | np.uint64(1)
    found = np.empty(len(examples), np.uint64)
    rows = max(_CHUNK // width, 1)
    for start in range(0, len(examples), rows):
        found[start : start + rows] = _hash([part[start : start + rows] for part in parts], factors)
    return found


def _hash(parts: list[NDArray[Any]], factors: NDArray[np.uint64]) -> NDArray[np.uint64]:
    bits = [
        (part + 0).view(f"u{part.itemsize}").astype(np.uint64)  # -0.0 becomes 0.0
        for part in parts
    ]
    mixed = np.concatenate(bits, axis=1)
    mixed *= _ODD
    mixed ^= mixed >> np.uint64(29)
    mixed *= factors
    mixed ^= mixed >> np.uint64(32)
    mixed *= _ODD
    total = mixed.sum(axis=1, dtype=np.uint64)
    return np.asarray(total ^ (total >> np.uint64(31)))
