"""Take features and labels out of Arrow record batches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qimlp.data.extras import import_extra
from qimlp.data.features.offsets import shift_into
from qimlp.data.readers.columns import Columns
from qimlp.data.readers.images import change_notes, stack_images
from qimlp.data.readers.raw_examples import RawExamples, examples_from_array
from qimlp.files import shown


def label_values(column: Any) -> NDArray[Any]:
    """Copy an Arrow column of labels.

    Args:
        column: `pyarrow.Array` or `ChunkedArray` of N values.

    Returns:
        (N,) NumPy array; of objects where labels are text or missing.
    """
    pyarrow = import_extra("pyarrow")
    if pyarrow.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if column.null_count:
        return np.asarray(column.to_pylist(), dtype=object)
    return np.asarray(column.to_numpy(zero_copy_only=False))


def label_matrix(batch: Any, columns: Columns) -> NDArray[Any]:
    """Copy the label columns of a record batch.

    Args:
        batch: `pyarrow.RecordBatch` or `Table` of N rows.
        columns: Roles of the columns, labels among them.

    Returns:
        (N,) for one label column, (N, T) for T columns.
    """
    found = [label_values(batch.column(name)) for name in columns.labels]
    return found[0] if len(found) == 1 else np.stack(found, axis=1)


def feature_matrix(
    batch: Any, columns: Columns, origin: str, first_row: int = 0
) -> NDArray[np.float32]:
    """Copy number columns of a record batch into one matrix.

    Args:
        batch: `pyarrow.RecordBatch` or `Table` of N rows.
        columns: Roles of the columns, widths and offsets among them.
        origin: File, for messages.
        first_row: Number of the file's rows before these.

    Returns:
        (N, F) `float32`; missing values become NaN, values too large infinite.

    Raises:
        ValueError: A list has another length than the first one.
    """
    count = len(columns.feature_names)
    matrix = np.empty((batch.num_rows, count), dtype=np.float32)
    first = 0
    for name, width, texts in columns.feature_columns:
        column = batch.column(name)
        if texts:
            values = indicators(column, texts)
        else:
            values = column_numbers(column, name, width, origin, first_row)
        for place in range(values.shape[1]):
            offset = columns.offsets[first + place] if columns.offsets else 0
            shift_into(matrix[:, first + place], values[:, place], offset)
        first += values.shape[1]
    return matrix


def column_numbers(
    column: Any, name: str, width: int, origin: str, first_row: int = 0
) -> NDArray[Any]:
    """Read the numbers of a column as exactly as NumPy can hold them.

    Args:
        column: `pyarrow.Array` or `ChunkedArray` of N numbers, times, or lists of these.
        name: Its name, for messages.
        width: Length of its lists; 0 for one number a row.
        origin: File, for messages.
        first_row: Number of the file's rows before these.

    Returns:
        (N, 1) or (N, width): integers where all are whole and none is missing, else floats with
        NaN for what is missing. Times are whole numbers of their unit since 1970.

    Raises:
        ValueError: A list has another length, or there are lists of no numbers.
    """
    rows = len(column)
    if width:
        pyarrow = import_extra("pyarrow")
        if isinstance(column, pyarrow.ChunkedArray):
            column = column.combine_chunks()
        wrong = list_lengths(column) != width
        if wrong.any():
            row = int(np.argmax(wrong))
            raise ValueError(
                f"{origin}: row {first_row + row + 1}, column {shown(name, 60)}: expected a list "
                f"of {width} numbers as in the first row; make all lists equally long"
            )
        column = column.flatten()
    return _numbers(column).reshape(rows, max(width, 1))


def indicators(column: Any, categories: tuple[str, ...]) -> NDArray[np.uint8]:
    """Tell which category each row of a column holds.

    Args:
        column: `pyarrow.Array` or `ChunkedArray` of N texts.
        categories: The C texts that count.

    Returns:
        (N, C), 1 where a row holds a category; all 0 where it holds none of them.
    """
    pyarrow, compute = import_extra("pyarrow"), import_extra("pyarrow.compute")
    texts = column.cast(pyarrow.string())
    places = compute.fill_null(compute.index_in(texts, pyarrow.array(categories)), -1)
    found = np.asarray(places.to_numpy(zero_copy_only=False))
    return np.asarray(found[:, None] == np.arange(len(categories)), dtype=np.uint8)


def distinct_texts(column: Any) -> list[str]:
    """List the texts of a column.

    Args:
        column: `pyarrow.Array` or `ChunkedArray` of texts.

    Returns:
        Each once; none for what is missing.
    """
    pyarrow = import_extra("pyarrow")
    texts = column.cast(pyarrow.string()).unique().to_pylist()
    return [text for text in texts if text is not None]


def list_lengths(column: Any) -> NDArray[np.int64]:
    """Measure the lists of a column.

    Args:
        column: `pyarrow.Array` of N lists.

    Returns:
        (N,) lengths, -1 where a list is missing.
    """
    compute = import_extra("pyarrow.compute")
    lengths = compute.fill_null(compute.list_value_length(column), -1)
    return np.asarray(lengths.to_numpy(zero_copy_only=False), dtype=np.int64)


def _numbers(column: Any) -> NDArray[Any]:
    pyarrow = import_extra("pyarrow")
    types, kind = pyarrow.types, column.type
    if types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if types.is_boolean(kind):  # whose missing values are no numbers yet
        column = column.cast(pyarrow.float32())
    elif types.is_decimal(kind):
        column = column.cast(pyarrow.float64())
    elif types.is_temporal(kind):
        size = pyarrow.int32() if kind.bit_width == 32 else pyarrow.int64()
        column = column.cast(size)
    return np.asarray(column.to_numpy(zero_copy_only=False))


def image_bytes(column: Any, origin: str, first_row: int) -> Iterator[tuple[str, bytes]]:
    """Walk over the encoded images of a column.

    Args:
        column: `pyarrow.Array` of binary values, or of structs with a field `bytes`.
        origin: File, for messages.
        first_row: Number of rows before this column's first.

    Yields:
        Place (file and row) and content of each image.

    Raises:
        ValueError: A row holds no image.
    """
    pyarrow = import_extra("pyarrow")
    if pyarrow.types.is_struct(column.type):
        column = column.field("bytes")
    for row, content in enumerate(column, start=first_row + 1):
        encoded = content.as_py()
        if encoded is None:
            raise ValueError(f"{origin}: row {row} holds no image bytes")
        yield f"{origin}, row {row}", encoded


def _room(count: int, like: NDArray[Any], origin: str) -> NDArray[Any]:
    """Memory for as many rows as a file says it holds."""
    try:
        return np.empty((count, *like.shape[1:]), dtype=like.dtype)
    except MemoryError:
        raise ValueError(
            f"{origin}: {count:,} rows of {prod(like.shape[1:]):,} features do not fit into "
            "memory: use --streaming, or is the file damaged?"
        ) from None


def collect(
    batches: Iterable[Any],
    columns: Columns,
    count: int,
    origin: str,
    size: tuple[int, int] | None = None,
) -> RawExamples:
    """Gather record batches into one set of examples.

    Args:
        batches: `pyarrow.RecordBatch` es that hold `columns`.
        columns: Roles of the columns.
        count: Number of rows of all batches together.
        origin: File or folder, for messages.
        size: Height and width to bring images to; their own by default.

    Returns:
        The examples.

    Raises:
        ValueError: There are no rows, or a feature is not usable (named by row and column).
    """
    inputs: NDArray[Any] | None = None
    labels: list[NDArray[Any]] = []
    changes: Counter[str] = Counter()
    done = 0
    for batch in batches:
        rows = slice(done, done + batch.num_rows)
        part: NDArray[Any]
        if columns.image is None:
            part = feature_matrix(batch, columns, origin, done)
        else:
            shape = None if inputs is None else inputs.shape[1:]
            encoded = image_bytes(batch.column(columns.image), origin, done)
            part = stack_images(encoded, batch.num_rows, shape, changes, size)
        if inputs is None:
            inputs = _room(count, part, origin)
        inputs[rows] = part
        if columns.labels:
            labels.append(label_matrix(batch, columns))
        done = rows.stop
    if inputs is None:
        raise ValueError(f"{origin}: expected at least one row, got none")
    return examples_from_array(
        inputs,
        origin,
        np.concatenate(labels) if labels else None,
        class_names=columns.class_names,
        feature_names=columns.feature_names,
        label_names=columns.labels,
        offsets=columns.offsets,
        notes=columns.notes + change_notes(changes, origin),
    )
