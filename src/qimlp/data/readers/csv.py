"""Read a CSV file: a header line, one row per example, numbers beside the label column.

A column of true and false counts as one of 1 and 0, dates (ISO 8601) as microseconds since 1970.
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from qimlp.data.extras import import_extra
from qimlp.data.readers.arrow import collect
from qimlp.data.readers.columns import (
    Columns,
    TableRequest,
    choose_features,
    known_categories,
    pick_labels,
)
from qimlp.data.readers.error_messages import listed, unreadable
from qimlp.data.readers.labels import written_numbers
from qimlp.data.readers.raw_examples import RawExamples
from qimlp.data.readers.schema import TEXT
from qimlp.data.readers.survey import settle
from qimlp.files import open_regular, printable, shown

_LONGEST_ROW = 1 << 24
"""Bytes the reader takes at a time: no row may be longer."""
_MOST_COLUMNS = 50_000
_TRUE, _FALSE = ("True", "true", "TRUE"), ("False", "false", "FALSE")
_NUMBER, _TRUTH, _TEXT = "number", "truth", "text"
_DATE = re.compile(
    r"\d{4}-\d{2}-\d{2}([ T]\d{2}(:\d{2}(:\d{2}([.]\d{1,6})?)?)?(?P<zone>Z|[+-]\d{2}(:?\d{2})?)?)?",
    re.ASCII,
)
"""A day, or a time of it, as ISO 8601 writes them."""


def read_csv(path: Path, request: TableRequest | None = None) -> RawExamples:
    """Read one split from a comma-separated file.

    Args:
        path: The file, UTF-8, whose first line names the columns.
        request: What is asked of it; labels are whole numbers or names.

    Returns:
        The examples; features as `float32`, shifted where that alone would blur them.

    Raises:
        ValueError: The file is no table, the label column is missing, or a value is not usable.
    """
    request = request or TableRequest()
    origin = printable(str(path))
    header, first = _first_rows(path)
    labels = pick_labels(header, request, origin)
    features, _, notes = choose_features(header, labels, request, origin)
    categories = known_categories(features, request)
    cells = dict(zip(header, first, strict=False))
    types = {name: _type_of(cells.get(name, ""), text=request.learn) for name in features}
    types |= {name: _TEXT for name, texts in zip(features, categories, strict=False) if texts}
    dates = [name for name in features if types[name].startswith("timestamp")]
    if dates and not request.features:
        notes = (*notes, f"{origin}: dates in {listed(dates)} are read as microseconds since 1970")
    widths = tuple(TEXT if types[name] == _TEXT else 0 for name in features)
    widths = tuple(map(len, categories)) or (widths if any(widths) else ())
    columns = Columns(None, features, labels, None, widths, request.offsets, notes, categories)
    table = _table(path, header, columns, types)
    columns = settle(columns, request, lambda _: table.to_batches(), origin)
    raw = collect(table.to_batches(), columns, table.num_rows, origin)
    return raw if raw.labels is None else replace(raw, labels=written_numbers(raw.labels))


def _type_of(cell: str, *, text: bool) -> str:
    """How a column whose first value is this is read: never guessed from more than that."""
    if cell in _TRUE + _FALSE:
        return _TRUTH
    date = _DATE.fullmatch(cell.strip())
    if date is None:
        return _TEXT if text and cell.strip() and not _is_number(cell) else _NUMBER
    return "timestamp" if date["zone"] is None else "timestamp in a zone"


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _table(path: Path, header: list[str], columns: Columns, types: dict[str, str]) -> Any:
    """Read the columns; integers that float64 would blur are read as such."""
    pyarrow, compute = import_extra("pyarrow"), import_extra("pyarrow.compute")
    kinds = {
        _NUMBER: pyarrow.float64(),
        _TRUTH: pyarrow.bool_(),
        _TEXT: pyarrow.string(),
        "timestamp": pyarrow.timestamp("us"),
        "timestamp in a zone": pyarrow.timestamp("us", "UTC"),
    }
    chosen = {name: kinds[kind] for name, kind in types.items()}
    chosen |= dict.fromkeys(columns.labels, pyarrow.string())
    try:
        table = _parse(path, chosen)
    except pyarrow.ArrowException as error:
        raise _explained(error, header, printable(str(path))) from None
    large = {}
    for name in columns.features:
        if chosen[name] == pyarrow.float64():
            bounds = compute.min_max(table.column(name))
            if any(abs(bounds[end].as_py() or 0.0) > 2.0**53 for end in ("min", "max")):
                large[name] = pyarrow.int64()
    if large:
        with contextlib.suppress(pyarrow.ArrowException):  # no integers: float64 is all there is
            return _parse(path, {**chosen, **large})
    return table


def _parse(path: Path, types: dict[str, Any]) -> Any:
    arrow_csv = import_extra("pyarrow.csv")
    return arrow_csv.read_csv(
        path,
        read_options=arrow_csv.ReadOptions(block_size=_LONGEST_ROW),
        convert_options=arrow_csv.ConvertOptions(
            column_types=types,
            include_columns=list(types),
            true_values=_TRUE,
            false_values=_FALSE,
        ),
    )


def _first_rows(path: Path) -> tuple[list[str], list[str]]:
    """The names of the columns, and the first row below them; empty where there is none."""
    origin = printable(str(path))
    with open_regular(path, what="a CSV file") as file:
        head = file.read(_LONGEST_ROW)
    if len(head) == _LONGEST_ROW and b"\n" not in head:
        raise ValueError(
            f"{origin}: expected a CSV file whose first line names columns, got none within its "
            f"first {_LONGEST_ROW:,} bytes"
        )
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    try:
        text = decoder.decode(head)  # a character that is cut at the end is left aside
    except UnicodeDecodeError:
        raise ValueError(
            f"{origin}: expected a CSV file in UTF-8: write it in this encoding"
        ) from None
    try:
        rows = csv.reader(io.StringIO(text, newline=""))
        header = next(rows, [])
        first = next(filter(None, rows), [])
    except csv.Error:
        raise ValueError(
            f"{origin}: cannot be read as a CSV file: a cell of its first rows is longer than "
            f"{csv.field_size_limit():,} characters or its quotes do not end"
        ) from None
    if len(header) > _MOST_COLUMNS:
        raise ValueError(
            f"{origin}: expected at most {_MOST_COLUMNS:,} columns, got {len(header):,}: save so "
            "many as an array, in a .npz file"
        )
    if not header:
        raise ValueError(f"{origin}: expected a CSV file whose first line names columns, got none")
    for mark, what in ((";", "semicolons"), ("\t", "tabs")):
        if len(header) == 1 and mark in header[0] and (not first or mark in "".join(first)):
            raise ValueError(
                f"{origin}: expected columns separated by commas, got {what}: write it with commas "
                "between columns and points in numbers"
            )
    return header, first


def _explained(error: Exception, header: list[str], origin: str) -> ValueError:
    conversion = re.search(r"column #(\d+): .*conversion error to (\w+).*?: (.*)", str(error))
    if conversion is None:
        return unreadable(origin, "a CSV file", error)
    name, value = shown(header[int(conversion[1])], 60), printable(conversion[3], 100)
    if conversion[2] == "bool":
        return ValueError(
            f"{origin}: column {name} begins with true or false and holds something else, too "
            f"({value}): write 1 and 0 there, or true and false in every row"
        )
    if conversion[2] == "timestamp":
        return ValueError(
            f"{origin}: column {name} begins with a date and holds something else, too "
            f"({value}): write every date like the first, as in 2024-01-31 or 2024-01-31 12:00:00"
        )
    return ValueError(
        f"{origin}: column {name} holds something else than numbers ({value}): "
        "every column beside the label column must hold numbers or dates (2024-01-31), so encode "
        "it or leave it out with --drop-column; texts are read from a folder of train.parquet and "
        "test.parquet, with --text tfidf or --encoder NAME"
    )
