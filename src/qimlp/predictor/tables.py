"""Rows that are in memory already, as features."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor

from qimlp.data import Number, centred, feature_source


def as_inputs(
    table: Any,
    columns: Sequence[str],
    feature_shape: tuple[int, ...],
    offsets: Sequence[Number] = (),
) -> Tensor:
    """Turn rows into features.

    Args:
        table: An array or tensor of shape (n, features) or (n, *feature_shape); or a table whose
            columns are found by name: a mapping, or a data frame of pandas, Polars or Arrow.
        columns: Names of the features, in order; empty for an array.
        feature_shape: Shape of one example.
        offsets: What is subtracted from each feature before it becomes `float32`.

    Returns:
        Features of shape (n, features), `uint8` or `float32`, on the CPU.

    Raises:
        ValueError: If columns are missing, a value is no finite number, or the shape differs.
    """
    if columns:
        names = _names(table)
        sources = {name: feature_source(name, names) for name in columns}
        missing = [name for name, source in sources.items() if source is None]
        if missing:
            raise ValueError(f"the table lacks the columns {', '.join(map(repr, missing[:5]))}")
        found = [source for source in sources.values() if source is not None]
        values = np.column_stack([_numbers(table, *source) for source in found])
    elif isinstance(table, Tensor):
        values = table.detach().cpu().numpy()
    else:
        values = np.asarray(table)
    if values.dtype.kind not in "biuf":
        raise ValueError(f"rows: expected numbers, got {values.dtype}")
    width = prod(feature_shape)
    if values.ndim < 2 or prod(values.shape[1:]) != width:
        raise ValueError(
            f"rows: expected shape (n, {width}) or (n, *{feature_shape}), got {values.shape}"
        )
    flat = values.reshape(len(values), width)
    if flat.dtype != np.uint8:
        flat = centred(flat, offsets)
        if not np.isfinite(flat).all():
            raise ValueError("rows: expected finite numbers, got NaN or infinite values")
    return torch.from_numpy(np.ascontiguousarray(flat))


def _names(table: Any) -> set[str]:
    names = getattr(table, "column_names", None)  # Arrow
    if names is None:
        names = getattr(table, "columns", None)  # pandas, Polars
    return set(table if names is None else names)


def _numbers(table: Any, name: str, part: str | int | None) -> Any:
    """A column's numbers, whether its rows hold a category, or a place in its lists."""
    if isinstance(part, str):
        return np.asarray(table[name], dtype=object) == part
    if part is not None:
        return np.asarray([row[part] for row in np.asarray(table[name], dtype=object)])
    values = np.asarray(table[name])
    if values.dtype.kind not in "biuf":
        raise ValueError(f"column {name!r}: expected numbers, got {values.dtype}")
    return values
