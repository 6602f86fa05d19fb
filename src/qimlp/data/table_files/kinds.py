"""What the columns of a table hold, and which of them can be features."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

import numpy as np

from qimlp.data.extras import import_extra
from qimlp.data.features.offsets import Survey
from qimlp.data.readers.columns import UNNAMED
from qimlp.files import printable, shown

ColumnKind = Literal["number", "boolean", "category", "date", "text", "left out"]
"""What a column is taken for."""

TRUTHS = {"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0}
"""Texts that a column of booleans may hold, in small letters."""

_FEWEST = 10
"""Rows below which nothing is told from values that all differ."""
_ROWS_OF_CATEGORY = 2
"""Texts with fewer rows each, on average, are no categories."""
_MOST_CATEGORIES = 1024
_WORDS_OF_TEXT = 4
"""Words that free texts have at least, on average."""


@dataclass(frozen=True)
class Column:
    """What one column of a table was taken for.

    Attributes:
        name: Its name.
        kind: What it holds.
        note: What was seen in it; for one that is left out the reason.
        written: For dates that are texts, their format; else empty.
    """

    name: str
    kind: ColumnKind
    note: str = ""
    written: str = ""

    def to_dict(self) -> dict[str, str]:
        """Give plain data for JSON.

        Returns:
            The attributes by name.
        """
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Column:
        """Read what `to_dict` gave.

        Args:
            values: The attributes by name.

        Returns:
            The column.

        Raises:
            ValueError: If it is damaged.
        """
        try:
            found = cls(**values)
        except TypeError:
            raise ValueError("columns: expected each with name, kind, note and written") from None
        if found.kind not in get_args(ColumnKind) or not all(
            isinstance(value, str) for value in asdict(found).values()
        ):
            raise ValueError(f"columns: {shown(found.name, 60)} has no kind that is known")
        return found


def stored_columns(values: Any) -> tuple[Column, ...]:
    """Read columns that were written as a list of plain data.

    Args:
        values: From `Column.to_dict`, as they were read from a file.

    Returns:
        The columns.

    Raises:
        ValueError: If they are damaged.
    """
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        raise ValueError("columns: expected a list of what columns were taken for")
    return tuple(Column.from_dict(value) for value in values)


def describe_columns(
    frame: Any,
    target: Collection[str] = (),
    *,
    drop: Collection[str] = (),
    categorical: Collection[str] = (),
    index: Collection[str] = (),
    written: Mapping[str, str] | None = None,
) -> tuple[Column, ...]:
    """Tell what each column of a table holds.

    Args:
        frame: `pandas.DataFrame`, as `read_table` gives it.
        target: Columns that hold what is to be predicted; they are not described.
        drop: Columns that the user leaves out.
        categorical: Columns that the user calls categories, whatever they hold.
        index: Columns that the file calls an index of its rows.
        written: How dates are written, by column.

    Returns:
        A column for each that is no target, in their order. Of several columns of free texts only
        the one with the longest is `text`; the others are left out.
    """
    found: list[Column] = []
    lengths: dict[str, float] = {}
    for name in frame.columns:
        if name in target:
            continue
        if name in drop:
            column = _left_out(name, "by --drop")
        elif name in index:
            column = _left_out(name, "the file calls it an index of its rows")
        elif UNNAMED.fullmatch(name):
            column = _left_out(name, "without a name it is a row number that pandas wrote")
        else:
            column = _described(frame[name], name, as_category=name in categorical)
        if column.kind == "text":
            lengths[name] = float(frame[name].dropna().str.len().mean())
        found.append(replace(column, written=(written or {}).get(name, "")))
    longest = max(lengths, key=lengths.__getitem__, default="")
    return tuple(
        _left_out(column.name, f"free text; only the longest, {longest!r}, is read as text")
        if column.kind == "text" and column.name != longest
        else column
        for column in found
    )


def _left_out(name: str, reason: str) -> Column:
    return Column(name, "left out", reason)


def _described(values: Any, name: str, *, as_category: bool) -> Column:
    if _unhashable(values):
        return _left_out(name, "it holds lists or other objects, no values")
    distinct = values.nunique()
    missing = int(values.isna().sum())
    if not distinct:
        return _left_out(name, "it holds no value")
    if distinct == 1 and not missing:
        return _left_out(name, f"it is the same in every row, {_plainly(values.iloc[0])}")
    note = f"{missing:,} of {len(values):,} missing" if missing else ""
    if as_category:
        return Column(name, "category", _joined(f"{distinct:,} values", note))
    return _by_type(values, name, distinct, note)


def _by_type(values: Any, name: str, distinct: int, note: str) -> Column:
    types = import_extra("pandas").api.types
    if types.is_bool_dtype(values.dtype):
        return Column(name, "boolean", note)
    if types.is_datetime64_any_dtype(values.dtype):
        return Column(name, "date", _joined(_span(values), note))
    if types.is_timedelta64_dtype(values.dtype):
        return Column(name, "number", _joined("durations in seconds", note))
    if types.is_numeric_dtype(values.dtype):
        return _of_numbers(values, name, note)
    return _of_texts(values.astype(object), name, distinct, note)


def _plainly(value: Any) -> str:
    return shown(value.item() if hasattr(value, "item") else value, 40)


def _unhashable(values: Any) -> bool:
    if values.dtype != object:
        return False
    known = values.dropna()
    return any(isinstance(value, list | dict | bytes | np.ndarray) for value in known.iloc[:100])


def _joined(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


def _span(values: Any) -> str:
    first, last = values.min(), values.max()
    return f"{first:%Y-%m-%d} to {last:%Y-%m-%d}"


def _of_numbers(values: Any, name: str, note: str) -> Column:
    survey = Survey()
    if not note:
        survey.add(values.to_numpy())
    if survey.counts_rows:
        return _left_out(name, f"it counts rows ({survey.beginning}): a row number is no feature")
    if survey.rises:
        note = "rises from row to row: if it is a row number, leave it out with --drop"
    elif survey.numbers_rows:
        note = "each of as many whole numbers once: if it is a row number, use --drop"
    if not note and len(values) >= _FEWEST and values.nunique() <= 2:
        note = f"{_plainly(values.min())} and {_plainly(values.max())}"
    return Column(name, "number", note)


def _of_texts(values: Any, name: str, distinct: int, note: str) -> Column:
    texts = values.dropna().astype(str)
    if {text.lower() for text in texts.unique()[:5]} <= TRUTHS.keys():
        return Column(name, "boolean", note)
    said = _joined(f"{distinct:,} values", note)
    words = float(texts.str.count(r"\s+").mean()) + 1
    repeated = len(texts) >= _ROWS_OF_CATEGORY * distinct
    if words >= _WORDS_OF_TEXT and (not repeated or distinct > _MOST_CATEGORIES):
        return Column(name, "text", _joined(f"{words:.0f} words on average", note))
    if repeated and distinct <= _MOST_CATEGORIES:
        return Column(name, "category", said)
    if distinct == len(texts):
        return _left_out(name, "it is another text in every row, as an id or a name is")
    return _left_out(
        name, f"{distinct:,} different texts on {len(texts):,} rows are too many for categories"
    )


def require_features(columns: Collection[Column], origin: str) -> None:
    """Refuse a table of which no column can be a feature.

    Args:
        columns: Of the table.
        origin: File, for messages.

    Raises:
        ValueError: If all are left out.
    """
    if any(column.kind != "left out" for column in columns):
        return
    if not columns:
        raise ValueError(f"{origin}: has no column beside the target, so nothing to learn from")
    reasons = "; ".join(f"{shown(c.name, 40)}: {printable(c.note, 80)}" for c in list(columns)[:3])
    raise ValueError(f"{origin}: has no column that can be a feature: {reasons}")
