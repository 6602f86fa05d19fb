"""Data sets that stay on disk or on the hub, and batches streamed from them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from math import prod
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from qimlp.data.batching.split import SET_ASIDE_EVERY
from qimlp.data.dataset import OFFICIAL_TEST, TensorSplit
from qimlp.data.features.offsets import Number
from qimlp.data.features.scaling import Scaling
from qimlp.data.readers.arrow import label_matrix
from qimlp.data.readers.columns import Columns, TableRequest
from qimlp.data.readers.error_messages import listed
from qimlp.data.readers.labels import as_labels, check_class_names, sorted_names
from qimlp.data.readers.parquet import columns_of_files, open_parquet, read_batches, settled
from qimlp.data.readers.raw_examples import RawExamples
from qimlp.data.readers.targets import TaskKind, holds_fractions, measures_something, task_of
from qimlp.data.sources.hub import hub_files
from qimlp.data.sources.names import Source, resolve
from qimlp.data.streaming.batches import StreamingBatches
from qimlp.data.streaming.parts import PARTS, PartRule, Piece, pieces_of
from qimlp.data.streaming.rows import generate_rows, stack_inputs, stack_rows
from qimlp.tasks import Classification, Regression, Task

_EVERY_ROW = PartRule("train")


@dataclass(frozen=True, eq=False)
class StreamingDataSet:
    """A data set in Parquet files that are read piece by piece, each time they are needed.

    Attributes:
        name: Short name, fit for a folder's name.
        task: What there is to learn.
        feature_shape: Shape of one example.
        fingerprint: SHA-256 (hex) over the files' footers (sizes, statistics, schema); the content
            itself is too large to be read for it.
        test_origin: Where the test split comes from.
        feature_names: Column names of a table; empty for images.
        columns: Roles of the columns, with offsets of the features and notes on what was left out.
        train_files: Locations of the files with training rows, and numbers of rows.
        test_files: The same for the test split; empty where every fifth row is test.
    """

    name: str
    task: Task
    feature_shape: tuple[int, ...]
    fingerprint: str
    test_origin: str
    feature_names: tuple[str, ...]
    columns: Columns
    train_files: tuple[tuple[str, int], ...]
    test_files: tuple[tuple[str, int], ...]

    @property
    def in_features(self) -> int:
        """Number of input features of one example."""
        return prod(self.feature_shape)

    @property
    def offsets(self) -> tuple[Number, ...]:
        """What is subtracted from each feature of a table; empty where nothing is."""
        return self.columns.offsets

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know about columns that are left out, one line each."""
        return self.columns.notes

    def batches(
        self,
        part: str,
        batch_size: int,
        *,
        scaling: Scaling,
        prepare: Callable[[Tensor], Tensor] | None = None,
        seed: int,
        shuffle: bool,
        device: torch.device | str = "cpu",
        rank: int = 0,
        world_size: int = 1,
        dev_fraction: float = 0.2,
        buffer_size: int = 10_000,
    ) -> StreamingBatches:
        """Stream one part.

        Args:
            part: `"train"`, `"dev"` (every n-th row of the training files) or `"test"`.
            batch_size: Examples of one step, over all processes.
            scaling: Applied to the inputs.
            prepare: Applied to the targets, such as `Task.prepare`.
            seed: Fixes the order, together with the epoch.
            shuffle: Whether each epoch has its own random order, for training.
            device: Where batches live.
            rank: Number of this process.
            world_size: Number of processes.
            dev_fraction: Part of the training rows that is dev; n is the nearest whole 1/fraction.
                0 for no dev part.
            buffer_size: Rows held (images encoded) to draw from at random.

        Returns:
            The batches.

        Raises:
            ValueError: A number or the part's name is out of range.
        """
        pieces, rule = self._part(part, dev_fraction)
        return StreamingBatches(
            pieces,
            batch_size,
            rule=rule,
            columns=self.columns,
            task=self.task,
            feature_shape=self.feature_shape,
            scaling=scaling,
            prepare=prepare,
            seed=seed,
            shuffle=shuffle,
            device=device,
            rank=rank,
            world_size=world_size,
            buffer_size=buffer_size,
        )

    def sample(self, count: int = 8192, *, dev_fraction: float = 0.2) -> TensorSplit:
        """Read evenly spaced rows of the train part, to fit a `Scaling` on.

        Walks through the whole part once, holding only the rows taken.

        Args:
            count: Number of rows; all rows where there are fewer.
            dev_fraction: As for `batches`.

        Returns:
            The examples.

        Raises:
            ValueError: A file is truncated or corrupt, or `count` is less than 1.
        """
        if count < 1:
            raise ValueError(f"expected a sample of at least one row, got {count}")
        pieces, rule = self._part("train", dev_fraction)
        step = max(1, sum(piece.count for piece in pieces) // count)
        rows = generate_rows(pieces, rule, self.columns, self.task)
        return TensorSplit(
            *stack_rows(list(islice(rows, 0, count * step, step)), self.feature_shape)
        )

    def _part(self, part: str, dev_fraction: float) -> tuple[list[Piece], PartRule]:
        if part not in PARTS:
            raise ValueError(f"unknown part {part!r}: expected one of {', '.join(PARTS)}")
        if not 0.0 <= dev_fraction <= 0.5:
            raise ValueError(f"expected a dev fraction from 0 to 0.5, got {dev_fraction}")
        if part == "test" and self.test_files:
            files, rule = self.test_files, _EVERY_ROW
        else:
            files = self.train_files
            dev_every = round(1 / dev_fraction) if dev_fraction else 0
            rule = PartRule(part, 0 if self.test_files else SET_ASIDE_EVERY, dev_every)
        pieces = pieces_of(files, rule)
        if not pieces:
            raise ValueError(f"{self.name}: the {part} part has no rows")
        return pieces, rule


def open_stream(
    source: str,
    *,
    data_dir: str | Path | None = None,
    label_column: str | tuple[str, ...] | None = None,
) -> StreamingDataSet:
    """Open a data set for streaming.

    Args:
        source: A folder of Parquet files, a Parquet file or a hub id, named as for
            `qimlp.data.loading`.
        data_dir: Data folder; by default the one that `QIMLP_DATA` names.
        label_column: Label column, `"label"` by default.

    Returns:
        A handle. Of images only footers, one row and (where the files do not name their classes)
        the label column have been read; a table was looked through once.

    Raises:
        FileNotFoundError: There is no such data.
        ValueError: The data is not Parquet, or cannot be used.
    """
    return stream_source(resolve(source, data_dir), TableRequest(label_column, learn=True))


def stream_source(
    source: Source, request: TableRequest, task: TaskKind = "auto"
) -> StreamingDataSet:
    """Open a source that was found; see `open_stream`.

    Args:
        source: Where the data lies.
        request: What is asked of the table.
        task: What to learn; `"auto"` goes by the labels.

    Returns:
        The handle.

    Raises:
        ValueError: The data is not Parquet, or cannot be used.
    """
    train, test = source.train, source.test
    if source.kind == "hub":
        train, test = (hub_files(source.train[0], part) for part in ("train", "test"))
    elif source.kind != "parquet":
        raise ValueError(
            f"{source.name}: streaming reads Parquet files, not {source.kind}: convert the data or "
            "turn streaming off"
        )
    if not train:
        raise ValueError(f"{source.name}: expected a train split, got only {listed(test)}")
    columns, rows = columns_of_files(train, request)
    columns = settled(columns, request, train, train[0])
    if test:
        rows += _rows_of_test(test, columns, request)
    learned = _task_of(train, columns, task)
    files = list(zip([*train, *test], rows, strict=True))
    pieces = pieces_of(files[: len(train)], _EVERY_ROW)
    first = next(generate_rows(pieces, _EVERY_ROW, columns, learned), None)
    if first is None:
        raise ValueError(f"{train[0]}: expected at least one row, got none")
    return StreamingDataSet(
        name=source.name,
        task=learned,
        feature_shape=stack_inputs([first]).shape[1:],
        fingerprint=_footers([*train, *test]),
        test_origin=OFFICIAL_TEST if test else f"the last of every {SET_ASIDE_EVERY} rows",
        feature_names=columns.feature_names,
        columns=columns,
        train_files=tuple(files[: len(train)]),
        test_files=tuple(files[len(train) :]),
    )


def _rows_of_test(files: Sequence[str], columns: Columns, request: TableRequest) -> list[int]:
    """Numbers of rows, once it is known that test files hold the columns of the train files."""
    known = replace(request, features=columns.feature_names, learn=False)
    found, rows = columns_of_files(files, known)
    if (found.image, found.labels) != (columns.image, columns.labels) or (
        found.class_names != columns.class_names
    ):
        raise ValueError(f"{files[0]}: its columns or classes differ from those of the train files")
    return rows


def _task_of(files: Sequence[str], columns: Columns, wanted: TaskKind) -> Task:
    """What there is to learn; where the files do not name their classes, by all labels."""
    if columns.class_names or len(columns.labels) > 1 or wanted == "regression":
        known = RawExamples(
            files[0],
            torch.empty(0, 0),
            (),
            np.empty((0, len(columns.labels)) if len(columns.labels) > 1 else 0),
            class_names=columns.class_names,
            label_names=columns.labels,
        )
        return task_of(known, wanted)
    found: set[str] = set()
    kind: type = object
    for batch in read_batches(files, list(columns.labels)):
        labels = label_matrix(batch, columns)
        if wanted == "auto" and holds_fractions(labels):
            return Regression.of(columns.labels)
        kind = float if labels.dtype.kind == "f" else object
        found.update(str(label) for label in np.unique(as_labels(labels, files[0])).tolist())
    if wanted == "auto" and measures_something(np.array(sorted_names(found), dtype=kind)):
        return Regression.of(columns.labels)
    return Classification(check_class_names(sorted_names(found), files[0]))


def _footers(files: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for location in files:
        with open_parquet(location) as file:
            digest.update(repr(file.metadata.to_dict()).encode())
    return digest.hexdigest()
