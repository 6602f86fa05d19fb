"""From cells that are texts to columns of numbers, truths, dates or texts."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from qimlp.data.extras import import_extra
from qimlp.data.readers.error_messages import listed
from qimlp.data.table_files.delimited import TextTable
from qimlp.data.table_files.dialect import MISSING
from qimlp.data.table_files.written_dates import date_format, read_dates
from qimlp.files import shown

_TRUTHS = ("true", "false")
_COMMA = r"^[+-]?(([0-9]+|[0-9]{1,3}([.'\x{a0}][0-9]{3})+)(,[0-9]*)?|,[0-9]+)([eE][+-]?[0-9]+)?$"
"""A number with a decimal comma, maybe with marks between thousands."""
_THOUSANDS = r"^[+-]?[0-9]{1,3}(,[0-9]{3})+([.][0-9]*)?$|^[+-]?[0-9]+([.][0-9]*)?$"
_POINTS = r"^[+-]?[0-9]{1,3}([.][0-9]{3})+$|^[+-]?[0-9]{1,3}$"


@dataclass
class TypedTable:
    """A table whose columns have types.

    Attributes:
        frame: `pandas.DataFrame`.
        formats: How dates are written, of each column of dates that were texts.
        notes: What was chosen, one line each.
    """

    frame: Any
    formats: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def typed(
    table: TextTable, as_text: Collection[str] = (), formats: Mapping[str, str] | None = None
) -> TypedTable:
    """Read the cells of each column as what all of them are.

    Args:
        table: Texts.
        as_text: Columns to leave as they are written, such as labels.
        formats: How dates are written, where that is known from another table.

    Returns:
        Whole numbers as `int64`, where none is missing; other numbers as `float64`; `true` and
        `false` as booleans; dates as `datetime64`; everything else as texts.

    Raises:
        ValueError: If a number is infinite or too large.
    """
    pandas = import_extra("pandas")
    known, columns = {}, {}
    for name in table.cells.column_names:
        cells = table.cells.column(name)
        found_at_once = None if name in as_text else _numbers(cells, name, table.origin)
        if found_at_once is not None and found_at_once.dtype.kind == "f":
            known[name], columns[name] = cells, found_at_once  # most columns of most tables
            continue
        known[name] = _without_missing(cells)
        columns[name] = None if name in as_text else _plain(known[name], name, table.origin)
    columns, notes = _with_marks(table, known, columns, as_text)
    found = TypedTable(None, notes=(*table.notes, *notes))
    series = {}
    for name, values in known.items():
        column = columns[name]
        if column is None and name not in as_text:
            column = _date(values, name, table.origin, found, dict(formats or {}))
        series[name] = values.to_pandas() if column is None else column
    found.frame = pandas.DataFrame(series)
    return found


def _without_missing(cells: Any) -> Any:
    """The same cells without spaces around them, and null where there is no value."""
    pyarrow, compute = import_extra("pyarrow"), import_extra("pyarrow.compute")
    trimmed = compute.utf8_trim_whitespace(cells)
    missing = compute.is_in(trimmed, value_set=pyarrow.array(MISSING))
    return compute.if_else(missing, pyarrow.scalar(None, pyarrow.string()), trimmed)


def _plain(values: Any, name: str, origin: str) -> Any:
    """A column of numbers with decimal points, or of true and false; None for others."""
    if values.null_count == len(values):
        return _numbers(values, name, origin)
    if _are_codes(values):
        return None
    numbers = _numbers(values, name, origin)
    return _truths(values) if numbers is None else numbers


def _are_codes(values: Any) -> bool:
    """Whether they are equally many digits, some with a zero in front: postal codes, no numbers."""
    compute = import_extra("pyarrow.compute")
    if not compute.any(compute.match_substring_regex(values, "^0[0-9]")).as_py():
        return False
    lengths = compute.unique(compute.utf8_length(values)).drop_null()
    return len(lengths) == 1 and _all_match(values, "^[0-9]+$")


def _numbers(values: Any, name: str, origin: str) -> Any:
    pyarrow, compute = import_extra("pyarrow"), import_extra("pyarrow.compute")
    for kind in (pyarrow.int64(), pyarrow.float64()):
        try:
            numbers = compute.cast(values, kind)
        except pyarrow.ArrowInvalid:
            continue
        column = numbers.to_pandas()
        infinite = np.isinf(column.to_numpy())
        if infinite.any():
            row = int(np.argmax(infinite))
            raise ValueError(
                f"{origin}: row {row + 1}, column {shown(name, 60)}: expected a finite number, got "
                f"{shown(values[row].as_py(), 40)}; remove the row or leave the cell empty"
            )
        return column
    return None


def _truths(values: Any) -> Any:
    compute = import_extra("pyarrow.compute")
    lower = compute.utf8_lower(values)
    if not set(compute.unique(lower).to_pylist()) <= {*_TRUTHS, None}:
        return None
    truths = compute.equal(lower, "true").to_pandas()
    return truths.astype("boolean") if values.null_count else truths.astype(bool)


def _with_marks(
    table: TextTable, known: dict[str, Any], columns: dict[str, Any], as_text: Collection[str]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Read numbers with a decimal comma, or with commas between thousands."""
    open_columns = [name for name in known if columns[name] is None and name not in as_text]
    if table.separator == ",":
        return _with_thousands(table, known, columns, open_columns)
    commas = [
        name for name in open_columns if _all_match(known[name], _COMMA) and _has(known[name], ",")
    ]
    if not commas:
        return columns, ()
    points = [
        name
        for name in known
        if columns[name] is not None and _all_match(known[name], _POINTS) and _has(known[name], ".")
    ]
    columns = dict(columns)
    for name in (*commas, *points):
        columns[name] = _numbers(without_marks(known[name]), name, table.origin)
    notes = [f"{table.origin}: numbers are read with a decimal comma, as in {listed(commas, 4)}"]
    if points:
        said = f"points stand between thousands in {listed(points, 4)}"
        notes.append(f"{table.origin}: {said}, as decimal commas in other columns say")
    return columns, tuple(notes)


def _with_thousands(
    table: TextTable, known: dict[str, Any], columns: dict[str, Any], open_columns: list[str]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    compute = import_extra("pyarrow.compute")
    columns, found, decimal = dict(columns), [], []
    for name in open_columns:
        values = known[name]
        if not _has(values, ","):
            continue
        if _all_match(values, _THOUSANDS):
            plain = compute.replace_substring(values, ",", "")
            found.append(name)
        elif _all_match(values, _COMMA):
            plain = without_marks(values)
            decimal.append(name)
        else:
            continue
        columns[name] = _numbers(plain, name, table.origin)
    notes = []
    if found:
        notes.append(f"{table.origin}: commas stand between thousands in {listed(found, 4)}")
    if decimal:
        said = f"numbers are read with a decimal comma in {listed(decimal, 4)}"
        notes.append(f"{table.origin}: {said}")
    return columns, tuple(notes)


def without_marks(values: Any) -> Any:
    """Write numbers with a decimal comma with a point, without marks between thousands.

    Args:
        values: `pyarrow` strings.

    Returns:
        The same, as Arrow reads them.
    """
    compute = import_extra("pyarrow.compute")
    plain = compute.replace_substring_regex(values, r"[.'\x{a0}]", "")
    return compute.replace_substring(plain, ",", ".")


def _all_match(values: Any, pattern: str) -> bool:
    compute = import_extra("pyarrow.compute")
    matches = compute.all(compute.match_substring_regex(values, pattern), skip_nulls=True)
    return bool(matches.as_py()) and values.null_count < len(values)


def _has(values: Any, mark: str) -> bool:
    compute = import_extra("pyarrow.compute")
    return bool(compute.any(compute.match_substring(values, mark)).as_py())


def _date(values: Any, name: str, origin: str, found: TypedTable, formats: dict[str, str]) -> Any:
    """A column of dates; None for other texts."""
    texts = values.to_pandas()
    written = formats.get(name) or date_format(texts)
    if written is None:
        return None
    dates = read_dates(texts, written)
    if dates is None:
        return None
    found.formats[name] = written
    if re.match("%m/%d/|%m-%d-", written) and name not in formats and (dates.dt.day <= 12).all():
        found.notes += (
            f"{origin}: dates in {shown(name, 60)} are read as month, day, year; write them as "
            "2024-01-31 where that is wrong",
        )
    return dates
