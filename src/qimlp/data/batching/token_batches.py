"""Batches of texts as token numbers, by length."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from qimlp.data.batching.epochs import EpochBatches
from qimlp.data.batching.seeds import permutation
from qimlp.data.batching.sharding import Sharding
from qimlp.data.dataset import TensorSplit
from qimlp.data.features.tokens import lengths

_POOL = 50
"""Batches whose examples are put in order of length together."""


class TokenBatches(EpochBatches):
    """Batches of texts of like length, each as wide as its longest text.

    In training the epoch's random order decides which texts are sorted by length together, and
    the order of the batches is random again; without shuffling the shortest texts come first.

    Args:
        split: Token numbers (N, T) and classes.
        batch_size: Examples of one step, over all processes.
        seed: Fixes the order, together with the epoch.
        shuffle: Whether each epoch has its own random order, for training.
        device: Where batches live.
        rank: Number of this process.
        world_size: Number of processes.

    Raises:
        ValueError: A size or number is out of range.
    """

    def __init__(
        self,
        split: TensorSplit,
        batch_size: int,
        *,
        seed: int,
        shuffle: bool,
        device: torch.device | str = "cpu",
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        sharding = Sharding(len(split), batch_size, rank, world_size, training=shuffle)
        super().__init__(sharding, seed=seed, shuffle=shuffle)
        self._lengths = lengths(split.inputs)
        self._tokens, self._labels = split.inputs.to(device), split.labels.to(device)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Iterate over the epoch's token numbers (batch, width) and labels (batch,)."""
        size = self._sharding.local_batch_size
        own = self._order()[self._sharding.own_rows][self._start * size :]
        for rows in own.split(size) if len(own) else ():
            width = int(self._lengths[rows].max())
            chosen = rows.to(self._tokens.device)
            yield self._tokens[:, :width].index_select(0, chosen), self._labels[chosen]
        if self._sharding.ends_empty and self._start < len(self):
            yield self._tokens[:0, :1], self._labels[:0]

    def _order(self) -> Tensor:
        if not self._shuffle:
            return self._lengths.argsort(stable=True)
        size = self._sharding.batch_size
        order = permutation(len(self._labels), self._seed, self._epoch)
        whole = len(order) // size * size
        pools = [
            rows[self._lengths[rows].argsort(stable=True)]
            for rows in order[:whole].split(_POOL * size)
        ]
        if not whole:
            return order
        batches = torch.cat(pools).view(-1, size)
        shuffled = batches[permutation(len(batches), self._seed, self._epoch)]
        return torch.cat((shuffled.flatten(), order[whole:]))
