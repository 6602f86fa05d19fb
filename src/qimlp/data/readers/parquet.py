"""Read Parquet files in the schema of the Hugging Face hub, or plain tables of numbers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from qimlp.data.extras import import_extra
from qimlp.data.readers.arrow import collect, image_bytes
from qimlp.data.readers.columns import Columns, TableRequest, columns_of
from qimlp.data.readers.error_messages import listed, unreadable
from qimlp.data.readers.raw_examples import RawExamples
from qimlp.data.readers.survey import settle
from qimlp.files import printable, require_regular

BATCH_ROWS = 512
"""Rows held at a time while a file is read."""

_SURVEYED = 2**20
"""Values looked at together before a table is read."""


@contextlib.contextmanager
def open_parquet(location: str) -> Iterator[Any]:
    """Open a Parquet file.

    Args:
        location: A path, or an address with a scheme that `fsspec` knows (`hf://...`).

    Yields:
        `pyarrow.parquet.ParquetFile`; only its footer is read so far.

    Raises:
        ValueError: The file is no whole Parquet file, here or while it is read.
    """
    parquet, pyarrow = import_extra("pyarrow.parquet"), import_extra("pyarrow")
    if "://" not in location:
        require_regular(location, what="a Parquet file")
    try:
        if "://" in location:
            with import_extra("fsspec").open(location, "rb") as file:
                yield parquet.ParquetFile(file)
        else:
            with parquet.ParquetFile(location) as opened:
                yield opened
    except (pyarrow.ArrowException, OSError) as error:
        raise unreadable(location, "a Parquet file", error) from None
    except (UnicodeDecodeError, OverflowError):
        raise ValueError(
            f"{printable(location)}: cannot be read as a Parquet file: a name or date in it is none"
        ) from None


def columns_of_files(files: Sequence[str], request: TableRequest) -> tuple[Columns, list[int]]:
    """Read the footers of files that hold one data set in pieces.

    Args:
        files: At least one location.
        request: What is asked of the table.

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
            columns = columns_of(schema, request, printable(location))
        first = first or columns
        if replace(columns, notes=first.notes) != first:
            raise ValueError(
                f"{printable(location)}: its columns {listed(columns.read)} or classes differ from "
                f"those of {printable(files[0])}: {listed(first.read)}"
            )
    if first is None:
        raise ValueError("expected at least one Parquet file, got none")
    return first, rows


def read_batches(
    files: Sequence[str], columns: list[str], rows: int | None = None
) -> Iterator[Any]:
    """Walk over the rows of several files, a few at a time.

    Args:
        files: Locations.
        columns: Columns to read.
        rows: Most rows of a batch; `BATCH_ROWS` by default.

    Yields:
        `pyarrow.RecordBatch`.

    Raises:
        ValueError: A file is truncated or corrupt.
    """
    for location in files:
        with open_parquet(location) as file:
            yield from file.iter_batches(batch_size=rows or BATCH_ROWS, columns=columns)


def settled(columns: Columns, request: TableRequest, files: Sequence[str], origin: str) -> Columns:
    """Look through the rows of files for what their schema does not say; see `settle`.

    Args:
        columns: Roles by names and types.
        request: What is asked of the table.
        files: Locations of its pieces.
        origin: File or folder, for messages.

    Returns:
        The roles.

    Raises:
        ValueError: A file is truncated or corrupt, or its lists are unusable.
    """
    rows = max(BATCH_ROWS, _SURVEYED // max(len(columns.features), 1))

    def batches(wanted: Columns) -> Iterator[Any]:
        return read_batches(files, list(wanted.features), rows)

    return settle(columns, request, batches, origin)


def encoded_images(files: Sequence[str], request: TableRequest) -> Iterator[tuple[str, bytes]]:
    """Walk over the images of Parquet files.

    Args:
        files: Locations.
        request: What is asked of the table.

    Yields:
        Place (file and row) and content of each.

    Raises:
        ValueError: A file is truncated or corrupt, or holds no images.
    """
    columns, _ = columns_of_files(files, request)
    if columns.image is None:
        raise _no_images(files[0])
    row = 0
    for batch in read_batches(files, [columns.image]):
        yield from image_bytes(batch.column(columns.image), printable(files[0]), row)
        row += batch.num_rows


def _no_images(location: str) -> ValueError:
    return ValueError(f"{printable(location)}: resize: expected a column of images, got none")


def read_parquet(
    files: Sequence[str],
    request: TableRequest | None = None,
    size: tuple[int, int] | None = None,
) -> RawExamples:
    """Read one split from Parquet files.

    Args:
        files: Locations of its pieces, in order.
        request: What is asked of the table.
        size: Height and width to bring images to; their own by default.

    Returns:
        The examples.

    Raises:
        ValueError: A file is truncated or corrupt, or its content is unusable.
    """
    request = request or TableRequest()
    columns, rows = columns_of_files(files, request)
    origin = printable(files[0] if len(files) == 1 else str(Path(files[0]).parent))
    columns = settled(columns, request, files, origin)
    if size is not None and columns.image is None:
        raise _no_images(files[0])
    return collect(read_batches(files, columns.read), columns, sum(rows), origin, size)
