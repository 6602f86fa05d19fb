"""Batches streamed from Parquet files through `datasets`."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice, repeat
from typing import Any

import torch
from torch import Tensor

from qimlp.data.batching.epochs import EpochBatches
from qimlp.data.batching.seeds import mixed_seed
from qimlp.data.batching.sharding import Sharding
from qimlp.data.extras import import_extra
from qimlp.data.features.scaling import Scaling
from qimlp.data.readers.columns import Columns
from qimlp.data.streaming.parts import PartRule, Piece
from qimlp.data.streaming.rows import Row, generate_rows, stack_rows
from qimlp.tasks import Task


class StreamingBatches(EpochBatches):
    """Batches of rows that are read, drawn at random from a buffer and decoded as they go.

    With several processes and shuffling, `datasets` gives each whole files where their number
    allows, else every `world_size`-th row. All processes take equally many steps of equal size: the
    fewer than `world_size` rows that cannot be shared are left out, and where files are uneven, one
    with fewer rows starts over and one with more leaves its last ones out.
    Without shuffling, every row is taken exactly once.

    Args:
        pieces: The files to read.
        batch_size: Examples of one step, over all processes.
        rule: Which of the files' rows to take.
        columns: Roles of the columns.
        task: What is learned.
        feature_shape: Shape of one example.
        scaling: Applied to the inputs.
        prepare: Applied to the targets, such as `Task.prepare`.
        seed: Fixes the order, together with the epoch.
        shuffle: Whether each epoch has its own random order, for training.
        device: Where batches live.
        rank: Number of this process.
        world_size: Number of processes.
        buffer_size: Rows held (images encoded) to draw from at random.

    Raises:
        ValueError: A size or number is out of range.
        ImportError: `datasets` is not installed.
    """

    def __init__(
        self,
        pieces: list[Piece],
        batch_size: int,
        *,
        rule: PartRule,
        columns: Columns,
        task: Task,
        feature_shape: tuple[int, ...],
        scaling: Scaling,
        prepare: Callable[[Tensor], Tensor] | None = None,
        seed: int,
        shuffle: bool,
        device: torch.device | str = "cpu",
        rank: int = 0,
        world_size: int = 1,
        buffer_size: int = 10_000,
    ) -> None:
        if buffer_size < 1:
            raise ValueError(f"expected a shuffle buffer of at least one row, got {buffer_size}")
        total = sum(piece.count for piece in pieces)
        sharding = Sharding(total, batch_size, rank, world_size, training=shuffle, even=shuffle)
        super().__init__(sharding, seed=seed, shuffle=shuffle)
        self._feature_shape, self._scaling, self._prepare = feature_shape, scaling, prepare
        self._device, self._buffer_size = torch.device(device), buffer_size
        parts = {"rule": rule, "columns": columns, "task": task}
        self._stream = _row_stream({"pieces": pieces, **parts})

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Iterate over the epoch's inputs and labels."""
        size = self._sharding.local_batch_size
        rows = islice(self._own_rows(), self._start * size, None)
        while batch := list(islice(rows, size)):
            inputs, labels = stack_rows(batch, self._feature_shape)
            if self._prepare is not None:
                labels = self._prepare(labels)
            yield self._scaling.apply(inputs.to(self._device)), labels.to(self._device)

    def _own_rows(self) -> Iterator[Row]:
        rank, world_size = self._sharding.rank, self._sharding.world_size
        stream: Iterable[Row]
        if not self._shuffle:
            stream = self._stream
            return islice(stream, rank, None, world_size)
        seed = mixed_seed(self._seed, self._epoch)
        shuffled = self._stream.shuffle(seed=seed, buffer_size=self._buffer_size)
        distribute = import_extra("datasets.distributed").split_dataset_by_node
        stream = distribute(shuffled, rank=rank, world_size=world_size)
        return islice(chain.from_iterable(repeat(stream)), self._sharding.num_own)


def _row_stream(parameters: dict[str, Any]) -> Any:
    """Wrap `generate_rows` as a `datasets.IterableDataset`; each piece is one shard.

    `IterableDataset.from_generator` does the same but locks a file in the user's home.
    """
    stream = import_extra("datasets.io.generator").GeneratorDatasetInputStream
    with tempfile.TemporaryDirectory() as cache:
        return stream(
            generator=generate_rows, gen_kwargs=parameters, cache_dir=cache, streaming=True
        ).read()
