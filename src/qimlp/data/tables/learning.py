"""What each column of a training table is taken for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qimlp.data.features.tfidf import TermWeights
from qimlp.data.tables.categories import learn_values
from qimlp.data.tables.frames import Table
from qimlp.data.tables.used import UsedColumn
from qimlp.files import shown

Categorical: TypeAlias = str | Sequence[str] | Sequence[int] | Sequence[bool] | NDArray[Any] | None
"""`"from_dtype"`, names, places, truth values of all columns, or None."""


def training_rows(
    table: Table, weights: Any
) -> tuple[NDArray[np.int64] | None, NDArray[np.float64] | None]:
    """Check weights; a row of weight 0 is as good as none.

    Args:
        table: The training table.
        weights: (N,) weights, or None.

    Returns:
        The rows that count, or None for all of them; and the weights of all rows, or None where
        those that count weigh the same.

    Raises:
        ValueError: There are no rows, or the weights are not of their number, finite and 0 or more.
    """
    if table.rows == 0 or table.width == 0:
        raise ValueError(
            f"expected a table of at least one row and column, got {table.rows} x {table.width}"
        )
    if weights is None:
        return None, None
    known = np.asarray(weights, dtype=np.float64)
    if known.shape != (table.rows,):
        raise ValueError(f"weights: expected shape ({table.rows},), got {known.shape}")
    if not np.isfinite(known).all() or known.min() < 0 or known.max() == 0:
        raise ValueError("weights: expected finite numbers of 0 or more, at least one above 0")
    rows = np.flatnonzero(known) if known.min() == 0 else None
    counting = known if rows is None else known[rows]
    return rows, None if counting.min() == counting.max() else known


def learn_columns(
    table: Table,
    rows: NDArray[np.int64] | None,
    weights: NDArray[np.float64] | None,
    categorical: Categorical,
    text: Sequence[str],
    terms: int,
) -> list[UsedColumn]:
    """Take each column for what it is.

    Args:
        table: The training table.
        rows: The rows that count, or all of them.
        weights: (N,) weights of all rows, or None.
        categorical: Which columns are categories.
        text: Names of columns whose words count.
        terms: The most terms of such a column.

    Returns:
        All columns but categories of one value.

    Raises:
        ValueError: A name or place is none of the table's, or a column cannot be what it should.
    """
    unknown = [name for name in text if name not in table.names]
    if unknown:
        raise ValueError(f"text: the table lacks the column {shown(unknown[0], 60)}")
    categories = _category_places(table, categorical)
    found: list[UsedColumn] = []
    for place, name in enumerate(table.names):
        if name in text:
            found.append(_text(table, place, rows, terms))
        elif place in categories:
            values = learn_values(table.column(place), rows, weights)
            if values:
                found.append(UsedColumn(name, place, "category", values))
        elif table.matrix is None and table.columns[place].kind == "date":
            found.append(UsedColumn(name, place, "date"))
        else:
            found.append(UsedColumn(name, place, "number"))
    return found


def _text(table: Table, place: int, rows: NDArray[np.int64] | None, terms: int) -> UsedColumn:
    texts = table.column(place).texts()
    known = texts if rows is None else [texts[row] for row in rows.tolist()]
    name = table.names[place]
    try:
        learned = TermWeights.fit(known, terms)
    except ValueError as error:
        raise ValueError(f"column {shown(name, 60)}: {error}") from error
    return UsedColumn(name, place, "text", terms=learned)


def _category_places(table: Table, categorical: Categorical) -> set[int]:
    if categorical is None:
        return set()
    if isinstance(categorical, str):
        if categorical != "from_dtype":
            raise ValueError(
                "categorical: expected 'from_dtype', names or places of columns, a truth value "
                f"for each, or None; got {shown(categorical, 60)}"
            )
        return {place for place, column in enumerate(table.columns) if column.kind == "category"}
    chosen = np.asarray(categorical).tolist() if len(categorical) else []
    if all(isinstance(item, bool) for item in chosen) and chosen:
        if len(chosen) != table.width:
            raise ValueError(
                f"categorical: expected {table.width} truth values, one for each column, got "
                f"{len(chosen)}"
            )
        return {place for place, item in enumerate(chosen) if item}
    places = {name: place for place, name in enumerate(table.names)} if table.named else {}
    return {_place(table, item, places) for item in chosen}


def _place(table: Table, item: object, places: Mapping[str, int]) -> int:
    if isinstance(item, str):
        if item not in places:
            raise ValueError(f"categorical: the table lacks the column {shown(item, 60)}")
        return places[item]
    if type(item) is not int or not 0 <= item < table.width:
        raise ValueError(
            f"categorical: expected places from 0 to {table.width - 1}, got {shown(item, 60)}"
        )
    return item
