"""Read a table from a file: CSV and its kin, Parquet, Excel."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from qimlp.data.readers.error_messages import listed
from qimlp.data.table_files.cells import typed
from qimlp.data.table_files.delimited import TextTable, read_delimited
from qimlp.data.table_files.excel import read_excel
from qimlp.data.table_files.parquet import read_parquet_table
from qimlp.files import printable, shown

DELIMITED = (".csv", ".tsv", ".tab")
EXCEL = (".xlsx", ".xlsm")
SUFFIXES = (*DELIMITED, ".csv.gz", ".tsv.gz", ".parquet", *EXCEL)
"""What the names of tables may end in."""


def _none(names: Sequence[str]) -> tuple[str, ...]:  # noqa: ARG001 - of the protocol
    return ()


@dataclass(frozen=True, eq=False)
class Reading:
    """A table that was read.

    Attributes:
        origin: File, for messages.
        frame: `pandas.DataFrame`.
        formats: How dates are written, of each column of dates that were texts.
        index: Columns that the file calls an index of its rows.
        class_names: Names of classes by column, where the file says.
        decimal_comma: Whether texts that are left as they are may hold numbers with one.
        notes: What was chosen while it was read, one line each.
    """

    origin: str
    frame: Any
    formats: Mapping[str, str] = field(default_factory=dict)
    index: tuple[str, ...] = ()
    class_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    decimal_comma: bool = False
    notes: tuple[str, ...] = ()


def read_table(path: str | Path) -> Any:
    """Read a table.

    Args:
        path: A file ending in `.csv` or `.tsv` (commas, semicolons, tabs or bars between cells;
            UTF-8, UTF-16 or Latin-1; decimal points or commas; with or without a line of names;
            maybe compressed, `.csv.gz`), in `.parquet`, or in `.xlsx` (its first sheet; needs the
            extra `[excel]`).

    Returns:
        `pandas.DataFrame` with columns of numbers, booleans, dates or texts.

    Raises:
        FileNotFoundError: If there is no such file.
        OSError: If it is no regular file or may not be read.
        ValueError: If it is no table; one line names the file. Rows count from 1, below the names.
        ImportError: If the package that reads it is not installed.
    """
    return read_files([str(path)]).frame


def table_suffix(name: str) -> str:
    """Tell by a file's name whether it is a table.

    Args:
        name: Its name or path.

    Returns:
        The one of `SUFFIXES` that it ends in, in small letters; empty where `read_table` does not
        take it.
    """
    return next((suffix for suffix in SUFFIXES if name.lower().endswith(suffix)), "")


def read_cells(path: Path) -> TextTable:
    """Read a table whose cells are texts, or can be: CSV and its kin, Excel.

    Args:
        path: The file.

    Returns:
        Its cells.

    Raises:
        OSError: If it is no regular file or may not be read.
        ValueError: If it is no table.
        ImportError: If the package that reads it is not installed.
    """
    return (read_excel if path.name.lower().endswith(EXCEL) else read_delimited)(path)


def read_files(
    files: Sequence[str],
    *,
    as_text: Callable[[Sequence[str]], Collection[str]] = _none,
    formats: Mapping[str, str] | None = None,
) -> Reading:
    """Read a table from a file or, of Parquet, from several.

    Args:
        files: Locations; more than one of Parquet files only.
        as_text: Tells by the names of all columns which to leave as they are written, if they are
            texts.
        formats: How dates are written, where that is known from another table.

    Returns:
        The table.

    Raises:
        FileNotFoundError: If a file is not there.
        OSError: If it is no regular file or may not be read.
        ValueError: If it is no table.
        ImportError: If the package that reads it is not installed.
    """
    name = files[0].lower()
    origin = printable(files[0])
    if not table_suffix(name):
        raise ValueError(
            f"{origin}: expected a table, a file ending in {', '.join(SUFFIXES)}, got one ending "
            f"in {shown(Path(name).suffix, 20)}"
        )
    if name.endswith(".parquet"):
        if len(files) > 1:
            origin = printable(str(Path(files[0]).parent))
        read = read_parquet_table(files)
        found = Reading(origin, read.frame, {}, read.index, read.class_names)
    else:
        table = read_cells(Path(files[0]))
        result = typed(table, as_text(table.cells.column_names), formats)
        notes = result.notes if table.has_header else (*result.notes, _on_names(table))
        comma = table.separator != ","
        found = Reading(origin, result.frame, result.formats, decimal_comma=comma, notes=notes)
    if not len(found.frame):
        raise ValueError(f"{origin}: expected at least one row, got none")
    return replace(found, frame=_without_empty(found.frame))


def _on_names(table: TextTable) -> str:
    names = listed(table.cells.column_names, 2)
    return f"{table.origin}: its first line holds values, so its columns are called {names}"


def _without_empty(frame: Any) -> Any:
    """The table without columns that have neither a name nor a value: a mark at each line's end."""
    empty = [
        name for name in frame.columns if name.startswith("Unnamed: ") and frame[name].isna().all()
    ]
    return frame.drop(columns=empty) if empty else frame
