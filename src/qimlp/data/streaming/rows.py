"""Rows of Parquet files, read one at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypedDict

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from qimlp.data.readers.arrow import feature_matrix, image_bytes, label_values
from qimlp.data.readers.columns import Columns
from qimlp.data.readers.images import stack_images
from qimlp.data.readers.labels import as_labels, class_numbers
from qimlp.data.readers.parquet import read_batches
from qimlp.data.readers.raw_examples import check_finite
from qimlp.data.streaming.parts import PartRule, Piece


class Row(TypedDict):
    """One example: place and encoded image, or features (F,) ``float32``; and its class number."""

    x: Any
    y: int


def generate_rows(
    pieces: Sequence[Piece], rule: PartRule, columns: Columns, class_names: tuple[str, ...]
) -> Iterator[Row]:
    """Walk over the rows of a part; images stay encoded.

    Args:
        pieces: The files to read.
        rule: Which rows belong to the part.
        columns: Roles of the columns.
        class_names: Name of each class number.

    Yields:
        The rows, in the order of the files.

    Raises:
        ValueError: A value is not usable; the line names the file and row.
    """
    for piece in pieces:
        row = 0
        for batch in read_batches([piece.location], columns.read):
            origin = f"{piece.location}, counted after row {row}" if row else piece.location
            labels = as_labels(label_values(batch.column(columns.label)), origin)
            numbers = class_numbers(labels, columns.class_names, class_names, origin)
            inputs: Sequence[Any] | NDArray[np.float32]
            if columns.image is not None:
                inputs = list(image_bytes(batch.column(columns.image), piece.location, row))
            else:
                inputs = feature_matrix(batch, columns, piece.location, row)
                check_finite(inputs, piece.location, columns.feature_names, row)
            for index in np.flatnonzero(rule.mask(piece.first + row, batch.num_rows)).tolist():
                yield {"x": inputs[index], "y": int(numbers[index])}
            row += batch.num_rows


def stack_inputs(rows: Sequence[Row], shape: tuple[int, ...] | None = None) -> NDArray[Any]:
    """Decode and stack the inputs of rows.

    Args:
        rows: At least one row.
        shape: Shape that each image must have; the first one's by default.

    Returns:
        (N, *shape), ``uint8`` for images, ``float32`` for tables.

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
        Inputs (N, in_features), ``uint8`` or ``float32``, and labels (N,), ``int64``.

    Raises:
        ValueError: An image cannot be decoded or has another shape.
    """
    inputs = torch.from_numpy(stack_inputs(rows, shape)).flatten(1)
    return inputs, torch.tensor([row["y"] for row in rows])
