"""Take features and labels out of Arrow record batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qimlp.data.extras import import_extra
from qimlp.data.readers.columns import Columns
from qimlp.data.readers.images import stack_images
from qimlp.data.readers.raw_examples import RawExamples, examples_from_array


def label_values(column: Any) -> NDArray[Any]:
    """Copy an Arrow column of labels.

    Args:
        column: ``pyarrow.Array`` or ``ChunkedArray`` of N values.

    Returns:
        (N,) NumPy array; of objects where labels are text or missing.
    """
    pyarrow = import_extra("pyarrow")
    if pyarrow.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if column.null_count:
        return np.asarray(column.to_pylist(), dtype=object)
    return np.asarray(column.to_numpy(zero_copy_only=False))


def feature_matrix(batch: Any, names: tuple[str, ...]) -> NDArray[np.float32]:
    """Copy number columns of a record batch into one matrix.

    Args:
        batch: ``pyarrow.RecordBatch`` or ``Table`` of N rows.
        names: The F columns to take.

    Returns:
        (N, F) ``float32``; missing values become NaN, values too large infinite.
    """
    pyarrow = import_extra("pyarrow")
    matrix = np.empty((batch.num_rows, len(names)), dtype=np.float32)
    with np.errstate(over="ignore"):
        for index, name in enumerate(names):
            column = batch.column(name)
            if pyarrow.types.is_boolean(column.type):  # whose missing values are no numbers yet
                column = column.cast(pyarrow.float32())
            matrix[:, index] = column.to_numpy(zero_copy_only=False)
    return matrix


def image_bytes(column: Any, origin: str, first_row: int) -> Iterator[tuple[str, bytes]]:
    """Walk over the encoded images of a column.

    Args:
        column: ``pyarrow.Array`` of binary values, or of structs with a field ``bytes``.
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


def collect(batches: Iterable[Any], columns: Columns, count: int, origin: str) -> RawExamples:
    """Gather record batches into one set of examples.

    Args:
        batches: ``pyarrow.RecordBatch`` es that hold ``columns``.
        columns: Roles of the columns.
        count: Number of rows of all batches together.
        origin: File or folder, for messages.

    Returns:
        The examples.

    Raises:
        ValueError: There are no rows, or a feature is not usable (named by row and column).
    """
    inputs: NDArray[Any] | None = None
    labels: list[NDArray[Any]] = []
    done = 0
    for batch in batches:
        rows = slice(done, done + batch.num_rows)
        part: NDArray[Any]
        if columns.image is None:
            part = feature_matrix(batch, columns.features)
        else:
            shape = None if inputs is None else inputs.shape[1:]
            encoded = image_bytes(batch.column(columns.image), origin, done)
            part = stack_images(encoded, batch.num_rows, shape)
        if inputs is None:
            inputs = np.empty((count, *part.shape[1:]), dtype=part.dtype)
        inputs[rows] = part
        if columns.label is not None:
            labels.append(label_values(batch.column(columns.label)))
        done = rows.stop
    if inputs is None:
        raise ValueError(f"{origin}: expected at least one row, got none")
    return examples_from_array(
        inputs,
        origin,
        np.concatenate(labels) if labels else None,
        class_names=columns.class_names,
        feature_names=columns.features,
    )
