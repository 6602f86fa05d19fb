"""Batches: what a training loop iterates over."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import torch
from torch import Tensor

from qimlp.data.batching.epochs import EpochBatches
from qimlp.data.batching.seeds import permutation
from qimlp.data.batching.sharding import Sharding
from qimlp.data.dataset import TensorSplit
from qimlp.data.features.scaling import Scaling

MAX_SCALED_BYTES = 4 * 2**30
"""A split whose scaled copy is larger is scaled batch by batch."""


class Batches(Protocol):
    """An epoch's batches, already scaled and on the device.

    Attributes:
        num_examples: Examples of one epoch, over all processes.
    """

    num_examples: int

    def set_epoch(self, epoch: int, start: int = 0) -> None:
        """Choose the epoch that the next iteration runs through.

        Args:
            epoch: Number of the epoch, from 0; with the seed it fixes the order.
            start: Batches of it to leave out, because they were done before an interruption.
        """

    def __iter__(self) -> Iterator[tuple[Any, Tensor]]:
        """Iterate over inputs (batch, in_features) `float32` and labels (batch,) `int64`.

        A network that is called with something else than a tensor gets that as its inputs.
        """

    def __len__(self) -> int:
        """Return the number of batches of this process in a whole epoch."""

    def share(self, step: int) -> float:
        """Say how many examples of a step this process has, over the mean of all processes.

        Args:
            step: Number of the step in its epoch, from 0.

        Returns:
            1.0 where the parts are even.
        """


class InMemoryBatches(EpochBatches):
    """Batches of a split that lives on the device: made by indexing, without workers.

    Without shuffling a batch is a view of the data: do not change it in place.

    Args:
        split: The examples.
        batch_size: Examples of one step, over all processes.
        scaling: Applied to the inputs.
        seed: Fixes the order, together with the epoch.
        shuffle: Whether each epoch has its own random order, for training.
        device: Where batches live.
        rank: Number of this process.
        world_size: Number of processes; each takes its part of every step's examples.

    Raises:
        ValueError: A size or number is out of range.
    """

    def __init__(
        self,
        split: TensorSplit,
        batch_size: int,
        *,
        scaling: Scaling,
        seed: int,
        shuffle: bool,
        device: torch.device | str = "cpu",
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        sharding = Sharding(len(split), batch_size, rank, world_size, training=shuffle)
        super().__init__(sharding, seed=seed, shuffle=shuffle)
        self._scaling: Scaling | None = scaling
        inputs = split.inputs.to(device)
        if inputs.numel() * 4 <= MAX_SCALED_BYTES:
            inputs, self._scaling = scaling.apply(inputs), None
        self._inputs, self._labels = inputs, split.labels.to(device)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Iterate over the epoch's inputs and labels."""
        for inputs, labels in self._unscaled():
            yield (inputs if self._scaling is None else self._scaling.apply(inputs)), labels

    def _unscaled(self) -> Iterator[tuple[Tensor, Tensor]]:
        own, size = self._sharding.own_rows, self._sharding.local_batch_size
        skipped = self._start * size
        if self._start >= len(self):
            return
        if not self._shuffle:
            inputs, labels = self._inputs[own][skipped:], self._labels[own][skipped:]
            yield from zip(inputs.split(size), labels.split(size), strict=True)
            return
        order = permutation(len(self._labels), self._seed, self._epoch)[own][skipped:]
        rows = order.to(self._inputs.device)
        labels = self._labels.index_select(0, rows)
        for part, chosen in zip(rows.split(size), labels.split(size), strict=True):
            yield self._inputs.index_select(0, part), chosen
        if self._sharding.ends_empty:
            yield self._inputs[:0], self._labels[:0]
