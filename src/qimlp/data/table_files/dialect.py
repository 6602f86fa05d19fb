"""How a file of separated values is written: its encoding, its separator, its first line."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from qimlp.files import open_regular, printable

LARGE = 2**28
MOST_UNPACKED = 100
"""What unpacks to more than `LARGE` bytes may not unpack to more than this many times its size."""

MISSING = ("", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "null", "NULL", "?")
"""Cells that say that there is no value."""

_SAMPLE = 1 << 20
_SAMPLE_ROWS = 200
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x19\x1b-\x1f]")
_SEPARATORS = "\t;|,"
"""Where two cut the lines alike, the first: commas stand within numbers and texts, too."""
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)*|[.,]\d+)([eE][+-]?\d+)?", re.ASCII)


@dataclass(frozen=True)
class Dialect:
    """How a file is written.

    Attributes:
        separator: What stands between two cells.
        names: Names of the columns; `column_1`, `column_2`, ... where no line names them.
        has_header: Whether the first line names the columns.
    """

    separator: str
    names: tuple[str, ...]
    has_header: bool


def unpacked(path: Path) -> bytes:
    """Read a file whole, unpacked where it is compressed by gzip.

    Args:
        path: The file.

    Returns:
        Its content.

    Raises:
        OSError: If it is no regular file or may not be read.
        ValueError: If it is no whole gzip file, or unpacks to very much more than its size.
    """
    origin = printable(str(path))
    with open_regular(path, what="a table") as file:
        content = file.read()
    if not content.startswith(b"\x1f\x8b"):
        return content
    most = max(LARGE, MOST_UNPACKED * len(content))
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:
            content = packed.read(most + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise ValueError(f"{origin}: cannot be unpacked as gzip: truncated or corrupt?") from None
    if len(content) > most:
        raise ValueError(
            f"{origin}: unpacks to more than {most:,} bytes, {MOST_UNPACKED} times its size: "
            "expected a table; unpack it first if it is one"
        )
    return content


def as_utf8(content: bytes, origin: str) -> tuple[bytes, tuple[str, ...]]:
    """Bring the content of a text file into UTF-8 without a byte order mark.

    Args:
        content: In UTF-8, UTF-16, UTF-32 or, failing these, Windows-1252, which Latin-1 is part of.
        origin: File, for messages.

    Returns:
        The same text in UTF-8, and what to say of the choice.

    Raises:
        ValueError: If it is no text.
    """
    notes: tuple[str, ...] = ()
    encoding = _encoding_by_mark(content) or _encoding_by_zeros(content)
    try:
        if encoding == "utf-8" or encoding is None:
            content = content.removeprefix(codecs.BOM_UTF8)
            if not content.isascii():
                content.decode("utf-8")
        else:
            content = content.decode(encoding).removeprefix("\ufeff").encode("utf-8")
    except UnicodeDecodeError:
        if encoding is not None or _CONTROL.search(content):
            raise _no_text(origin) from None
        try:
            content = content.decode("cp1252").encode("utf-8")
        except UnicodeDecodeError:
            raise _no_text(origin) from None
        notes = (f"{origin}: read as Latin-1 (Windows-1252), for it is not written in UTF-8",)
    if _CONTROL.search(content):
        raise _no_text(origin)
    return content, notes


def _encoding_by_mark(content: bytes) -> str | None:
    return next((name for mark, name in _MARKS if content.startswith(mark)), None)


def _encoding_by_zeros(content: bytes) -> str | None:
    """UTF-16 without a mark: of mostly Latin letters, every second byte is zero."""
    head = content[:4096]
    even, odd = head[::2].count(0), head[1::2].count(0)
    if max(even, odd) * 10 < len(head) * 3 or min(even, odd) * 10 > max(even, odd):
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _no_text(origin: str) -> ValueError:
    return ValueError(
        f"{origin}: expected a table as text (CSV), got binary data: save it as CSV in UTF-8, as "
        ".parquet or as .xlsx"
    )


def dialect_of(content: bytes, origin: str) -> Dialect:
    """Tell how a file of separated values is written, by its first rows.

    Args:
        content: In UTF-8.
        origin: File, for messages.

    Returns:
        The separator and the names of the columns.

    Raises:
        ValueError: If there is nothing in it, or quotes do not end.
    """
    text = content[:_SAMPLE].decode("utf-8", "ignore")
    if not text.strip():
        raise ValueError(f"{origin}: expected a table, got nothing in it")
    whole = len(content) <= _SAMPLE
    found = [(rows, mark) for mark in _SEPARATORS if (rows := _sampled(text, mark, whole=whole))]
    if not found:
        raise ValueError(f"{origin}: expected a table, got cells that are too long or do not end")
    rows, separator = max(found, key=lambda rows_and_mark: _fitness(rows_and_mark[0]))
    if len(rows[0]) == 1:
        separator = ","
    return Dialect(separator, *names_of(rows))


def names_of(rows: Sequence[Sequence[str]]) -> tuple[tuple[str, ...], bool]:
    """Name the columns of a table.

    Args:
        rows: Its first rows, as texts.

    Returns:
        The names, `column_1`, `column_2`, ... where the first row holds none, and whether it does.
        A column without a name is called as pandas calls it: the fourth `Unnamed: 3`.
    """
    first = [cell.strip() for cell in rows[0]]
    if _is_header(first, rows[1:]):
        return tuple(name or f"Unnamed: {place}" for place, name in enumerate(first)), True
    return tuple(f"column_{number}" for number in range(1, len(first) + 1)), False


def _sampled(text: str, separator: str, *, whole: bool) -> list[list[str]]:
    rows = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        for row in reader:
            if row:
                rows.append(row)
            if len(rows) == _SAMPLE_ROWS:
                return rows
    except csv.Error:
        return []
    return rows if whole or len(rows) < 2 else rows[:-1]


def _fitness(rows: list[list[str]]) -> tuple[bool, float, int]:
    """More where more rows have as many cells as the first, and then where these are more."""
    width = len(rows[0])
    return width > 1, sum(len(row) == width for row in rows) / len(rows), width


def _is_header(first: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first line names columns: below a name of a column of numbers there are numbers.

    Without columns of numbers it is taken for one. Numbers in running order, such as years, are
    names, too.
    """
    numeric = []
    for place in range(len(first)):
        cells = [row[place].strip() for row in rows if place < len(row)]
        known = [cell for cell in cells if cell not in MISSING]
        if known and all(_NUMBER.fullmatch(cell) for cell in known):
            numeric.append(first[place])
    if not numeric or not all(_NUMBER.fullmatch(cell) for cell in numeric):
        return not _all_numbers(first) or bool(rows)
    if len(numeric) < 3 or not all(cell.isdecimal() for cell in numeric):
        return False
    numbers = [int(cell) for cell in numeric]
    return all(after == before + 1 for before, after in pairwise(numbers))


def _all_numbers(cells: Sequence[str]) -> bool:
    return all(_NUMBER.fullmatch(cell) for cell in cells)
