"""Rows of Parquet files, read one at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypedDict

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from qimlp.data.readers.arrow import feature_matrix, image_bytes, label_matrix
from qimlp.data.readers.columns import Columns
from qimlp.data.readers.images import stack_images
from qimlp.data.readers.labels import as_labels, class_numbers
from qimlp.data.readers.parquet import read_batches
from qimlp.data.readers.raw_examples import check_finite
from qimlp.data.readers.targets import numbers_of
from qimlp.data.streaming.parts import PartRule, Piece
from qimlp.tasks import Classification, Task


class Row(TypedDict):
    """One example: place and image, or features (F,); and its class number or targets (T,)."""

    x: Any
    y: Any


def generate_rows(
    pieces: Sequence[Piece], rule: PartRule, columns: Columns, task: Task
) -> Iterator[Row]:
    """Walk over the rows of a part; images stay encoded.

    Args:
        pieces: The files to read.
        rule: Which rows belong to the part.
        columns: Roles of the columns.
        task: What is learned.

    Yields:
        The rows, in the order of the files.

    Raises:
        ValueError: A value is not usable; the line names the file and row.
    """
    for piece in pieces:
        row = 0
        for batch in read_batches([piece.location], columns.read):
            origin = f"{piece.location}, counted after row {row}" if row else piece.location
            answers = _answers(batch, columns, task, origin)
            inputs: Sequence[Any] | NDArray[np.float32]
            if columns.image is not None:
                inputs = list(image_bytes(batch.column(columns.image), piece.location, row))
            else:
                inputs = feature_matrix(batch, columns, piece.location, row)
                check_finite(inputs, piece.location, columns.feature_names, row)
            for index in np.flatnonzero(rule.mask(piece.first + row, batch.num_rows)).tolist():
                yield {"x": inputs[index], "y": answers[index]}
            row += batch.num_rows


def _answers(batch: Any, columns: Columns, task: Task, origin: str) -> NDArray[Any]:
    """Class numbers (N,), or targets (N, T), of a batch's rows."""
    labels = label_matrix(batch, columns)
    if isinstance(task, Classification):
        numbers = as_labels(labels, origin)
        return class_numbers(numbers, columns.class_names, task.class_names, origin)
    return numbers_of(labels.reshape(len(labels), -1), columns.labels, origin)


def stack_inputs(rows: Sequence[Row], shape: tuple[int, ...] | None = None) -> NDArray[Any]:
    """Decode and stack the inputs of rows.

    Args:
        rows: At least one row.
        shape: Shape that each image must have; the first one's by default.

    Returns:
        (N, *shape), `uint8` for images, `float32` for tables.

    Raises:
        ValueError: An image cannot be decoded or has another shape.
    """
    inputs = [row["x"] for row in rows]
    if isinstance(inputs[0], np.ndarray):
        return np.stack(inputs)
    return stack_images(inputs, len(inputs), shape)


def stack_rows(rows: Sequence[Row], shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Make a batch of rows.

    Args:
        rows: At least one row.
        shape: Shape of one example.

    Returns:
        Inputs (N, in_features), `uint8` or `float32`, and labels (N,), `int64`, or targets
        (N, T), `float64`.

    Raises:
        ValueError: An image cannot be decoded or has another shape.
    """
    inputs = torch.from_numpy(stack_inputs(rows, shape)).flatten(1)
    return inputs, torch.from_numpy(np.stack([row["y"] for row in rows]))
