"""Read Parquet files in the schema of the Hugging Face hub, or plain tables of numbers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from qimlp.data.extras import import_extra
from qimlp.data.readers.arrow import collect
from qimlp.data.readers.columns import Columns, columns_of
from qimlp.data.readers.error_messages import unreadable
from qimlp.data.readers.raw_examples import RawExamples

BATCH_ROWS = 512
"""Rows held at a time while a file is read."""


@contextlib.contextmanager
def open_parquet(location: str) -> Iterator[Any]:
    """Open a Parquet file.

    Args:
        location: A path, or an address with a scheme that ``fsspec`` knows (``hf://...``).

    Yields:
        ``pyarrow.parquet.ParquetFile``; only its footer is read so far.

    Raises:
        ValueError: The file is no whole Parquet file, here or while it is read.
    """
    parquet, pyarrow = import_extra("pyarrow.parquet"), import_extra("pyarrow")
    try:
        if "://" in location:
            with import_extra("fsspec").open(location, "rb") as file:
                yield parquet.ParquetFile(file)
        else:
            with parquet.ParquetFile(location) as opened:
                yield opened
    except (pyarrow.ArrowException, OSError) as error:
        raise unreadable(location, "a Parquet file", error) from error


def columns_of_files(
    files: Sequence[str], label_column: str | None, *, labels_required: bool
) -> tuple[Columns, list[int]]:
    """Read the footers of files that hold one data set in pieces.

    Args:
        files: At least one location.
        label_column: The user's choice, ``"label"`` by default.
        labels_required: Whether unlabelled data is an error.

    Returns:
        Roles of the columns, which all files share, and the number of rows of each file.

    Raises:
        ValueError: A file cannot be read, or its columns are unusable or differ from the first's.
    """
    first: Columns | None = None
    rows = []
    for location in files:
        with open_parquet(location) as file:
            rows.append(int(file.metadata.num_rows))
            schema = file.schema_arrow
        columns = columns_of(schema, label_column, location, labels_required=labels_required)
        first = first or columns
        if columns != first:
            raise ValueError(
                f"{location}: its columns {columns.read} or classes differ from those of "
                f"{files[0]}: {first.read}"
            )
    if first is None:
        raise ValueError("expected at least one Parquet file, got none")
    return first, rows


def read_batches(files: Sequence[str], columns: list[str]) -> Iterator[Any]:
    """Walk over the rows of several files, a few at a time.

    Args:
        files: Locations.
        columns: Columns to read.

    Yields:
        ``pyarrow.RecordBatch`` of up to :data:`BATCH_ROWS` rows.

    Raises:
        ValueError: A file is truncated or corrupt.
    """
    for location in files:
        with open_parquet(location) as file:
            yield from file.iter_batches(batch_size=BATCH_ROWS, columns=columns)


def read_parquet(
    files: Sequence[str], label_column: str | None = None, *, labels_required: bool = True
) -> RawExamples:
    """Read one split from Parquet files.

    Args:
        files: Locations of its pieces, in order.
        label_column: The user's choice, ``"label"`` by default.
        labels_required: Whether unlabelled data is an error.

    Returns:
        The examples.

    Raises:
        ValueError: A file is truncated or corrupt, or its content is unusable.
    """
    columns, rows = columns_of_files(files, label_column, labels_required=labels_required)
    origin = files[0] if len(files) == 1 else str(Path(files[0]).parent)
    return collect(read_batches(files, columns.read), columns, sum(rows), origin)
