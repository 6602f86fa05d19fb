"""New rows of a table for a network that is already trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from qimlp.data.readers.error_messages import listed
from qimlp.data.readers.targets import targets_for
from qimlp.data.sources.names import Source, resolve
from qimlp.data.table_files.features import feature_frame
from qimlp.data.table_files.kinds import Column
from qimlp.data.table_files.loading import TABLE_KINDS, labelled_part
from qimlp.data.table_files.reading import Reading, read_files
from qimlp.data.table_files.targets import raw_labels, require_columns
from qimlp.files import printable
from qimlp.tasks import Task


@dataclass(frozen=True, eq=False)
class TableInputs:
    """Rows to predict.

    Attributes:
        origin: File or folder.
        frame: `pandas.DataFrame` of N rows, as `feature_frame` gives it.
        labels: Class numbers (N,), or targets (N, T); `None` where they are not asked for.
        part: `"test"` where the source has such a part, which alone was read; else `None`.
        notes: What the user should know about what was left out, one line each.
    """

    origin: str
    frame: Any
    labels: Tensor | None
    part: str | None
    notes: tuple[str, ...]


def load_table_inputs(
    source: str | Path,
    columns: Sequence[Column],
    *,
    targets: Sequence[str] = (),
    task: Task | None = None,
    data_dir: str | Path | None = None,
) -> TableInputs:
    """Read new rows: the test part of a source that has one, else all.

    Args:
        source: What `load_table` takes.
        columns: What the columns of the training table were taken for. They may come in any order
            and among others. None where training rows came from memory: all are taken as they are.
        targets: Columns of the training table that were predicted.
        task: Says what the targets mean, where they are needed; rows that lack one are left out
            then. Without it they are left aside, and need not be there.
        data_dir: Data folder; by default the one that `QIMLP_DATA` names.

    Returns:
        The rows.

    Raises:
        FileNotFoundError: There is no such data.
        ValueError: It is no table, lacks a column or a target, or holds something else in it.
        ImportError: A package that reads it is missing.
    """
    found = _table_source(source, data_dir)
    part = "test" if found.test else None
    written = {column.name: column.written for column in columns if column.written}
    table = read_files(
        found.test or found.train,
        as_text=lambda names: [name for name in names if name in targets],
        formats=written,
    )
    notes = table.notes + (_on_others(table, columns, targets) if columns else ())
    labels = None
    if task is not None:
        if not targets:
            raise ValueError(f"{table.origin}: which column holds the labels? name it")
        require_columns(list(table.frame.columns), targets, "the target", table.origin)
        table, unlabelled = labelled_part(table, targets)
        labels = targets_for(raw_labels(table, targets), task)
        notes += unlabelled
    frame = feature_frame(table.frame, columns, table.origin) if columns else table.frame
    return TableInputs(table.origin, frame, labels, part, notes)


def read_column(
    source: str | Path, name: str, *, data_dir: str | Path | None = None
) -> tuple[Any, ...]:
    """Read one column of a table as it is written, such as the ids of its rows.

    Args:
        source: What `load_table` takes; the test part where it has one, else all.
        name: The column.
        data_dir: Data folder.

    Returns:
        N texts, or the values of a typed file; `None` where there is none.

    Raises:
        FileNotFoundError: There is no such data.
        ValueError: It is no table, or has no such column.
    """
    found = _table_source(source, data_dir)
    table = read_files(found.test or found.train, as_text=lambda _: [name])
    require_columns(list(table.frame.columns), [name], "--id", table.origin)
    values = table.frame[name]
    return tuple(values.astype(object).where(values.notna(), None).tolist())


def _table_source(source: str | Path, data_dir: str | Path | None) -> Source:
    found = resolve(str(source), data_dir)
    if found.kind not in TABLE_KINDS:
        raise ValueError(f"{printable(str(source))}: expected a table, got {found.kind}")
    return found


def _on_others(
    table: Reading, columns: Sequence[Column], targets: Sequence[str]
) -> tuple[str, ...]:
    known = {column.name for column in columns} | set(targets)
    others = [name for name in table.frame.columns if name not in known]
    if not others:
        return ()
    return (f"{table.origin}: left out {listed(others)}, not among the columns of training",)
