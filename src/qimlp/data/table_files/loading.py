"""Load a table as a data set: its target, its columns, its parts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from qimlp.data.batching.split import SET_ASIDE_EVERY, rows_of_test
from qimlp.data.dataset import OFFICIAL_TEST
from qimlp.data.readers.error_messages import listed
from qimlp.data.readers.parquet import open_parquet
from qimlp.data.readers.schema import declared_features, is_image
from qimlp.data.readers.targets import TaskKind, targets_for, task_of
from qimlp.data.sources.names import Source, resolve
from qimlp.data.table_files.dataset import TableDataSet, TablePart, fingerprint
from qimlp.data.table_files.features import feature_frame
from qimlp.data.table_files.kinds import Column, describe_columns, require_features
from qimlp.data.table_files.reading import Reading, read_files
from qimlp.data.table_files.targets import (
    labelled_rows,
    on_targets,
    pick_targets,
    raw_labels,
    require_columns,
)
from qimlp.files import printable, shown
from qimlp.tasks import Task

MOST_BYTES = 2 * 2**30
"""Parquet files larger than this together are streamed unless the user says otherwise."""

TABLE_KINDS = ("csv", "parquet", "table")
"""Kinds of sources that hold tables."""


def load_table(
    source: str | Path,
    *,
    data_dir: str | Path | None = None,
    target: str | Sequence[str] | None = None,
    drop: Sequence[str] = (),
    categorical: Sequence[str] = (),
    task: TaskKind = "auto",
    split_seed: int = 0,
) -> TableDataSet:
    """Load a table with columns of any kind.

    Args:
        source: A file that `read_table` takes; `train.csv` with `test.csv` beside it; or a folder
            of such files or of `train-*.parquet` and `test-*.parquet`.
        data_dir: Data folder; by default the one that `QIMLP_DATA` names.
        target: Column to predict, or several of a regression; by default the one called `target`,
            `label`, `class` or `y`, else the last one.
        drop: Columns to leave out.
        categorical: Columns that are categories though they hold numbers, or many texts.
        task: What to learn; `"auto"` goes by the target, as `load` does.
        split_seed: Where the source has no test part, a fifth of each class is set aside by this
            seed; `test_origin` says so.

    Returns:
        The data set.

    Raises:
        FileNotFoundError: There is no such data.
        ValueError: It is no table, or cannot be used; one line names the file.
        ImportError: A package that reads it is missing.
    """
    wanted = (target,) if isinstance(target, str) else tuple(target or ())
    asked = _Asked(wanted, tuple(drop), frozenset(categorical), task)
    found = resolve(str(source), data_dir)
    if found.kind not in TABLE_KINDS:
        raise ValueError(f"{printable(str(source))}: expected a table, got {found.kind}")
    if not found.train:
        raise ValueError(f"{found.name}: expected a train part, got only {listed(found.test)}")
    return _loaded(found, asked, split_seed)


@dataclass(frozen=True)
class _Asked:
    """What a user asks of a table."""

    targets: tuple[str, ...]
    drop: tuple[str, ...]
    categorical: frozenset[str]
    task: TaskKind

    def pick(self, names: Sequence[str]) -> tuple[str, ...]:
        """The targets among columns."""
        return pick_targets(names, self.targets, self.drop)


def _loaded(source: Source, asked: _Asked, split_seed: int) -> TableDataSet:
    table = read_files(source.train, as_text=asked.pick)
    targets = asked.pick(list(table.frame.columns))
    _check_names(table, targets, asked)
    said = on_targets(targets, asked.targets, list(table.frame.columns), table.origin)
    table, unlabelled = labelled_part(table, targets)
    raw = raw_labels(table, targets)
    task = task_of(raw, asked.task)
    columns = describe_columns(
        table.frame,
        targets,
        drop=asked.drop,
        categorical=asked.categorical,
        index=table.index,
        written=table.formats,
    )
    require_features(columns, table.origin)
    known = TablePart(feature_frame(table.frame, columns, table.origin), targets_for(raw, task))
    test, notes = _own_test(source, table, columns, targets, task)
    if test is None:
        train_part, test = _split(known, split_seed, table.origin)
        of = "the rows of each class" if task.class_names else "the rows"
        origin = f"{100 // SET_ASIDE_EVERY} % of {of}, set aside by seed {split_seed}"
    else:
        train_part, origin = known, OFFICIAL_TEST
    return TableDataSet(
        source.name,
        train_part,
        test,
        task,
        targets,
        columns,
        fingerprint(train_part, test, columns),
        origin,
        (*table.notes, *said, *unlabelled, *notes),
    )


def _check_names(table: Reading, targets: Sequence[str], asked: _Asked) -> None:
    names = list(table.frame.columns)
    require_columns(names, targets, "--target", table.origin)
    require_columns(names, asked.drop, "--drop", table.origin)
    require_columns(names, sorted(asked.categorical), "--categorical", table.origin)
    if not targets:
        raise ValueError(f"{table.origin}: every column is dropped, so none is left as the target")
    both = [name for name in targets if name in asked.drop]
    if both:
        raise ValueError(f"{table.origin}: the target {shown(both[0], 60)} cannot be dropped")


def labelled_part(table: Reading, targets: Sequence[str]) -> tuple[Reading, tuple[str, ...]]:
    """Leave out rows that lack a target.

    Args:
        table: All rows.
        targets: Its columns of targets.

    Returns:
        The rows that have their targets, and what to say of the others.

    Raises:
        ValueError: If no row has its targets.
    """
    kept = labelled_rows(table.frame, targets)
    missing = len(kept) - int(kept.sum())
    if not missing:
        return table, ()
    if missing == len(kept):
        raise ValueError(f"{table.origin}: the target {listed(tuple(targets))} has no value at all")
    frame = table.frame[kept].reset_index(drop=True)
    first = int(np.argmin(kept)) + 1
    rows = f"{missing:,} rows" if missing > 1 else "1 row"
    note = (
        f"{table.origin}: left out {rows} without a value of the target "
        f"{listed(tuple(targets))}, the first is row {first}"
    )
    return replace(table, frame=frame), (note,)


def _own_test(
    source: Source,
    train: Reading,
    columns: tuple[Column, ...],
    targets: tuple[str, ...],
    task: Task,
) -> tuple[TablePart | None, tuple[str, ...]]:
    """The source's own test part, where it has one with targets."""
    if not source.test:
        return None, ()
    written = {column.name: column.written for column in columns if column.written}
    table = read_files(source.test, as_text=_only(targets), formats=written)
    missing = [name for name in targets if name not in table.frame.columns]
    if missing:
        note = (
            f"{table.origin}: has no target {listed(missing)}, so it is no test part: one is set "
            "aside; qimlp predict takes this file"
        )
        return None, (note,)
    table, unlabelled = labelled_part(table, targets)
    if train.class_names.keys() >= set(targets) and not table.class_names:
        table = replace(table, class_names=train.class_names)
    frame = feature_frame(table.frame, columns, table.origin)
    return TablePart(frame, targets_for(raw_labels(table, targets), task)), unlabelled


def _only(targets: Collection[str]) -> Any:
    return lambda names: [name for name in names if name in targets]


def _split(known: TablePart, seed: int, origin: str) -> tuple[TablePart, TablePart]:
    try:
        train, test = rows_of_test(known.labels, seed=seed)
    except ValueError as error:
        raise ValueError(f"{origin}: {error}") from None
    return _selected(known, train), _selected(known, test)


def _selected(part: TablePart, rows: Tensor) -> TablePart:
    frame = part.frame.iloc[rows.numpy()].reset_index(drop=True)
    return TablePart(frame, part.labels[rows])


def is_table(source: str, data_dir: str | Path | None = None) -> bool:
    """Tell whether data is a table in memory: not images, not very large Parquet files.

    Args:
        source: Name or path.
        data_dir: Data folder.

    Returns:
        Whether `load_table` is the way to read it. False where there is no such data.

    Raises:
        ValueError: A Parquet file is truncated or corrupt, or a folder has no layout that is known;
            or it is a data set of texts.
    """
    try:
        found = resolve(source, data_dir)
    except FileNotFoundError:
        return False
    if found.kind != "parquet":
        return found.kind in TABLE_KINDS
    if found.num_bytes > MOST_BYTES:
        return False
    location = (found.train or found.test)[0]
    with open_parquet(location) as file:
        schema = file.schema_arrow
    declared = declared_features(schema, printable(location))
    return not any(is_image(field, declared) for field in schema)
