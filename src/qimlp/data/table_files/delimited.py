"""Read files of separated values: every cell as the text that it is."""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qimlp.data.extras import import_extra
from qimlp.data.readers.error_messages import listed, unreadable
from qimlp.data.table_files.dialect import Dialect, as_utf8, dialect_of, unpacked
from qimlp.files import printable, shown

_LONGEST_ROW = 1 << 24
"""Bytes that pyarrow takes at a time: no row may be longer."""
_MOST_COLUMNS = 50_000


@dataclass(frozen=True, eq=False)
class TextTable:
    """A table whose cells are all texts.

    Attributes:
        origin: File, for messages.
        cells: `pyarrow.Table` of strings.
        separator: What stood between two cells.
        has_header: Whether the first line named the columns.
        notes: What was chosen, one line each.
    """

    origin: str
    cells: Any
    separator: str
    has_header: bool
    notes: tuple[str, ...] = ()


def read_delimited(path: Path) -> TextTable:
    """Read a CSV or TSV file of whatever separator and encoding, maybe compressed by gzip.

    Args:
        path: The file.

    Returns:
        Its cells.

    Raises:
        OSError: If it is no regular file or may not be read.
        ValueError: If it is no table; one line names the file and the row, of which the first
            below the names of the columns is 1.
    """
    origin = printable(str(path))
    content, notes = as_utf8(unpacked(path), origin)
    if content.startswith((b"\n", b"\r")):
        content = content.lstrip(b"\r\n")
    dialect = dialect_of(content, origin)
    check_names(dialect.names, origin)
    cells = _cells(content, dialect, origin)
    if len(cells) and _is_open(content, cells.column(cells.num_columns - 1)[-1].as_py()):
        raise ValueError(f"{origin}: the quotes around the last cell do not end")
    return TextTable(origin, cells, dialect.separator, dialect.has_header, notes)


def check_names(names: tuple[str, ...], origin: str) -> None:
    """Refuse names of columns that repeat, and very many columns.

    Args:
        names: Names of the columns.
        origin: File, for messages.

    Raises:
        ValueError: If names repeat or there are too many.
    """
    if len(names) > _MOST_COLUMNS:
        raise ValueError(
            f"{origin}: expected at most {_MOST_COLUMNS:,} columns, got {len(names):,}: save so "
            "many as an array, in a .npz file"
        )
    repeated = sorted(name for name, count in Counter(names).items() if count > 1)
    if repeated:
        raise ValueError(f"{origin}: column names must differ, these repeat: {listed(repeated)}")


def _cells(content: bytes, dialect: Dialect, origin: str) -> Any:
    pyarrow, arrow_csv = import_extra("pyarrow"), import_extra("pyarrow.csv")
    names = list(dialect.names)
    try:
        return arrow_csv.read_csv(
            pyarrow.BufferReader(content),
            read_options=arrow_csv.ReadOptions(
                block_size=_LONGEST_ROW,
                column_names=names,
                skip_rows_after_names=int(dialect.has_header),
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=dialect.separator, newlines_in_values=True
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pyarrow.string()), strings_can_be_null=False
            ),
        )
    except pyarrow.ArrowException as error:
        raise _ragged(content, dialect, origin) or unreadable(origin, "a CSV file", error) from None


def _is_open(content: bytes, last: str) -> bool:
    """Whether the last cell begins with quotes that do not end: they would swallow rows."""
    end = last.encode()
    return content.endswith(b'"' + end) and bool(end)


def _ragged(content: bytes, dialect: Dialect, origin: str) -> ValueError | None:
    """Find the first row that is too short or too long."""
    lines = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", newline="")
    reader = csv.reader(lines, delimiter=dialect.separator)
    row, width = 0 if dialect.has_header else 1, len(dialect.names)
    try:
        for cells in reader:
            if cells and len(cells) != width:
                text = printable(dialect.separator.join(cells), 60)
                return ValueError(
                    f"{origin}: row {row} (line {reader.line_num:,} of the file): expected {width} "
                    f"columns as in the first line, got {len(cells)}: {shown(text, 80)}"
                )
            row += bool(cells)
    except csv.Error:
        return ValueError(f"{origin}: row {row}: a cell is too long, or its quotes do not end")
    return None
