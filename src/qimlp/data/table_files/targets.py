"""Which columns of a table are to be predicted, and what that task is."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from qimlp.data.extras import import_extra
from qimlp.data.readers.columns import UNNAMED
from qimlp.data.readers.error_messages import listed
from qimlp.data.readers.labels import written_numbers
from qimlp.data.readers.raw_examples import RawExamples
from qimlp.data.table_files.cells import without_marks
from qimlp.data.table_files.reading import Reading
from qimlp.files import shown

USUAL_TARGETS = ("target", "label", "class", "y")
"""Names by which a target is known, in whatever case; the first counts most."""


def pick_targets(
    names: Sequence[str], wanted: Sequence[str], drop: Collection[str]
) -> tuple[str, ...]:
    """Choose the columns to be predicted.

    Args:
        names: The table's columns.
        wanted: The user's choice; empty to guess.
        drop: Columns that the user leaves out.

    Returns:
        The user's choice, or the column with the usual name, or the last one.
    """
    if wanted:
        return tuple(wanted)
    left = [name for name in names if name not in drop]
    lower = {name.lower(): name for name in reversed(left)}
    usual = [lower[name] for name in USUAL_TARGETS if name in lower]
    return tuple(usual[:1] or left[-1:])


def require_columns(names: Sequence[str], asked: Sequence[str], option: str, origin: str) -> None:
    """Refuse names that a table has no column of.

    Args:
        names: The table's columns.
        asked: What the user named.
        option: How, for the message.
        origin: File, for the message.

    Raises:
        ValueError: If there is no such column.
    """
    absent = [name for name in asked if name not in names]
    if absent:
        raise ValueError(
            f"{origin}: has no column {listed(absent)} ({option}); its columns are "
            f"{listed(list(names))}"
        )


def on_targets(
    targets: Sequence[str], wanted: Sequence[str], names: Sequence[str], origin: str
) -> tuple[str, ...]:
    """Say how a target was chosen, where nobody named it.

    Args:
        targets: What was chosen.
        wanted: The user's choice.
        names: The table's columns.
        origin: File, for the message.

    Returns:
        One line, or none.
    """
    if wanted or not targets:
        return ()
    why = "by its name" if targets[0].lower() in USUAL_TARGETS else "the last column"
    others = [name for name in names if name not in targets and not UNNAMED.fullmatch(name)]
    hint = f"; for another say --target {shown(others[0], 40)}" if others else ""
    return (f"{origin}: the target is {shown(targets[0], 60)}, {why}{hint}",)


def labelled_rows(frame: Any, targets: Sequence[str]) -> NDArray[np.bool_]:
    """Tell which rows have a value in every target.

    Args:
        frame: `pandas.DataFrame` of N rows.
        targets: Columns of it.

    Returns:
        (N,) truths.
    """
    return np.asarray(frame[list(targets)].notna().all(axis=1))


def raw_labels(table: Reading, targets: Sequence[str]) -> RawExamples:
    """Take the targets out of a table.

    Args:
        table: Rows that all have their targets.
        targets: Its columns of targets.

    Returns:
        Labels without inputs: (N,) for one target, (N, T) for T.
    """
    columns = [_values(table, name) for name in targets]
    one = len(targets) == 1
    return RawExamples(
        table.origin,
        torch.empty(0, 0),
        (),
        columns[0] if one else np.stack(columns, axis=1),
        class_names=table.class_names.get(targets[0]) if one else None,
        label_names=tuple(targets),
    )


def _values(table: Reading, name: str) -> NDArray[Any]:
    types = import_extra("pandas").api.types
    column = table.frame[name]
    if types.is_datetime64_any_dtype(column.dtype):
        raise ValueError(
            f"{table.origin}: the target {shown(name, 60)} holds dates: expected classes or numbers"
        )
    if types.is_bool_dtype(column.dtype):
        return np.asarray(column, dtype=bool)
    if types.is_numeric_dtype(column.dtype):
        return np.asarray(column)
    texts = np.asarray([str(value) for value in column], dtype=object)
    if table.decimal_comma:
        texts = _with_points(texts)
    return written_numbers(texts)


def _with_points(texts: NDArray[Any]) -> NDArray[Any]:
    pyarrow = import_extra("pyarrow")
    plain = without_marks(pyarrow.array(texts, type=pyarrow.string())).to_pylist()
    numbers = all(_is_number(text) for text in set(plain))
    return np.asarray(plain, dtype=object) if numbers else texts


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False
