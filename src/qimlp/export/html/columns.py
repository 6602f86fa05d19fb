"""Columns of any kind on a page: how its form fills them in, and how they become inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qimlp.data import Column, TableFeatures, feature_frame
from qimlp.export.html.form import TRUTHS, Span, select
from qimlp.files import shown


def page_columns(table: TableFeatures) -> dict[str, Any]:
    """Describe how columns become inputs.

    Args:
        table: What was learned about them.

    Returns:
        Data for the page; columns go by their place among those that are used.

    Raises:
        ValueError: If a column holds dates or texts.
    """
    for column in table.columns:
        if column.use not in ("number", "category"):
            raise ValueError(
                f"column {shown(column.name, 60)}: expected numbers and categories for a page, got "
                f"a {column.use}; train without it (--drop), or export as program"
            )
    places = range(len(table.columns))
    return {
        **table.scaling.to_dict(),
        "numbers": [i for i in places if table.columns[i].use == "number"],
        "codes": [i for i in places if table.columns[i].use == "category"],
    }


def raw_values(table: TableFeatures, kinds: Sequence[Column], examples: Any) -> NDArray[np.float64]:
    """Read rows as a page's form holds them.

    Args:
        table: What was learned about the columns.
        kinds: What the columns of a file were taken for; none where it was no file.
        examples: Rows as `Predictor.predict` takes them.

    Returns:
        Shape (n, used columns): numbers, NaN where one is missing, and codes of categories.

    Raises:
        ValueError: If a column is missing, or holds something else than in training.
    """
    rows = examples
    if kinds and hasattr(rows, "reset_index"):
        rows = feature_frame(rows.reset_index(drop=True), kinds, "examples")
    inputs = table.apply(rows).double().numpy()
    found = np.empty((len(inputs), len(table.columns)))
    code = table.num_numbers
    named = isinstance(rows, Mapping) or hasattr(rows, "columns")
    for place, column in enumerate(table.columns):
        if column.use == "category":
            found[:, place] = inputs[:, code]
            code += 1
            continue
        values = rows[column.name] if named else np.asarray(rows)[:, column.position]
        found[:, place] = [_number(value) for value in np.asarray(values, dtype=object)]
    return found


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):  # None, or what pandas has for missing values
        return float("nan")


def column_fields(
    table: TableFeatures, kinds: Sequence[Column], rows: NDArray[np.float64] | None
) -> list[dict[str, Any]]:
    """Make the form of a table with columns of any kind.

    Args:
        table: What was learned about the columns.
        kinds: What the columns of a file were taken for; none where it was no file.
        rows: From `raw_values`, or None.

    Returns:
        A field for each column that is used.
    """
    booleans = {kind.name for kind in kinds if kind.kind == "boolean"}
    fields: list[dict[str, Any]] = []
    numbers = 0
    for place, column in enumerate(table.columns):
        values = None if rows is None else rows[:, place]
        if column.use == "category":
            codes = range(1, len(column.values) + 1)
            fields.append(_choice(column.name, place, list(map(str, column.values)), codes, values))
            continue
        centre, scale = table.scaling.centre[numbers], table.scaling.scale[numbers]
        numbers += 1
        if column.name in booleans:
            fields.append(_choice(column.name, place, TRUTHS, range(2), values))
            continue
        span = None if values is None else Span.of(values)
        span = span or Span(centre - 2 * scale, centre + 2 * scale, centre)
        fields.append(span.field(column.name, place, optional=True))
    return fields


def _choice(
    name: str, place: int, labels: Sequence[str], codes: range, values: NDArray[Any] | None
) -> dict[str, Any]:
    """A field that starts at the most frequent value."""
    counts = [0 if values is None else int((values == code).sum()) for code in codes]
    start = counts.index(max(counts))
    return select(name, place, labels, codes, start, optional=True)
