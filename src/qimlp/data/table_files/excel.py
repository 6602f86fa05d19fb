"""Read the first sheet of an Excel workbook: every cell as text."""

from __future__ import annotations

import datetime as dt
import warnings
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

from qimlp.data.extras import import_extra
from qimlp.data.table_files.delimited import TextTable, check_names
from qimlp.data.table_files.dialect import LARGE, MOST_UNPACKED, names_of
from qimlp.files import open_regular, printable, shown

_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    ParseError,
    EOFError,
    KeyError,
    IndexError,
    AttributeError,
    TypeError,
    RuntimeError,
    ValueError,
    OSError,
)
"""What openpyxl raises where a workbook is none."""


def read_excel(path: Path) -> TextTable:
    """Read the first sheet of a workbook.

    Args:
        path: An `.xlsx` file.

    Returns:
        Its cells; of formulas the values that were stored with them.

    Raises:
        OSError: If it is no regular file or may not be read.
        ValueError: If it is no workbook, or unpacks to very much more than its size.
        ImportError: If openpyxl is not installed.
    """
    origin = printable(str(path))
    openpyxl = import_extra("openpyxl", extra="excel")
    with open_regular(path, what="an Excel workbook") as file:
        _require_sane(file, origin)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # on styles, which nobody asks for
                book = openpyxl.load_workbook(file, read_only=True, data_only=True)
                sheets = book.sheetnames
                rows = _as_texts(book[sheets[0]].iter_rows(values_only=True))
        except _DAMAGED:
            raise _unreadable(origin) from None
    notes: tuple[str, ...] = ()
    if len(sheets) > 1:
        notes = (f"{origin}: read sheet {shown(sheets[0], 40)}, the first of {len(sheets)}",)
    return _table(rows, origin, notes)


def _require_sane(file: Any, origin: str) -> None:
    """Refuse what is no archive, and one that unpacks to very much more than its size."""
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError):
        raise _unreadable(origin) from None
    for member in members:
        if member.file_size > max(LARGE, MOST_UNPACKED * member.compress_size):
            raise ValueError(
                f"{origin}: unpacks to {member.file_size:,} bytes, more than {MOST_UNPACKED} times "
                "its size: expected a workbook"
            )
    file.seek(0)


def _unreadable(origin: str) -> ValueError:
    return ValueError(
        f"{origin}: cannot be read as an Excel workbook (.xlsx): truncated, corrupt or protected "
        "by a password?"
    )


def _as_texts(rows: Iterable[tuple[Any, ...]]) -> list[list[str]]:
    texts = [[_as_text(cell) for cell in row] for row in rows]
    texts = [row for row in texts if any(row)]
    width = max(map(len, texts), default=0)
    return [row + [""] * (width - len(row)) for row in texts]


def _as_text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53:
        return str(int(cell))
    if isinstance(cell, dt.datetime):
        return cell.date().isoformat() if cell.time() == dt.time() else cell.isoformat(" ")
    return str(cell).strip()


def _table(rows: list[list[str]], origin: str, notes: tuple[str, ...]) -> TextTable:
    pyarrow = import_extra("pyarrow")
    if not rows:
        raise ValueError(f"{origin}: expected a table, got an empty sheet")
    names, has_header = names_of(rows[:200])
    check_names(names, origin)
    body = rows[int(has_header) :]
    columns = {
        name: pyarrow.chunked_array([[row[place] for row in body]], type=pyarrow.string())
        for place, name in enumerate(names)
    }
    return TextTable(origin, pyarrow.table(columns), "\t", has_header, notes)
