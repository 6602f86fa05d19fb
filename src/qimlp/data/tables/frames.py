"""Anything that holds rows and columns, seen as one: arrays, sparse matrices, frames, mappings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from qimlp.data.extras import import_extra
from qimlp.data.tables.values import Column, column_of
from qimlp.files import shown

Rows: TypeAlias = slice | NDArray[np.int64]

_CHUNK_ELEMENTS = 2**17
"""Turned into numbers at a time: as `float64` they stay in the processor's cache."""


class Numbers(Protocol):
    """Number columns side by side, of which only a block at a time is copied."""

    @property
    def names(self) -> Sequence[str]:
        """Their names, for messages."""

    def __len__(self) -> int:
        """Return the number of rows."""

    def block(self, rows: Rows, columns: slice = ...) -> NDArray[Any]:
        """Give (rows, columns) numbers or truth values, NaN for what is missing."""


@dataclass(frozen=True, eq=False)
class MatrixNumbers:
    """Columns of one matrix.

    Attributes:
        matrix: (N, C) array or compressed sparse rows.
        places: Which columns, or all of them.
        names: Their names, for messages.
    """

    matrix: Any
    places: NDArray[np.int64] | None
    names: Sequence[str]

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self.matrix.shape[0])

    def block(self, rows: Rows, columns: slice = slice(None)) -> NDArray[Any]:
        """Give some rows of some columns."""
        sparse = not isinstance(self.matrix, np.ndarray)
        if sparse:
            found = self.matrix[rows]
            return np.asarray(_placed(found, self.places, columns).toarray())
        if isinstance(rows, slice):
            return np.asarray(_placed(self.matrix[rows], self.places, columns))
        return np.asarray(_placed(self.matrix, self.places, columns)[rows])


def _placed(matrix: Any, places: NDArray[np.int64] | None, columns: slice) -> Any:
    if places is not None:
        return matrix[:, places[columns]]
    return matrix if columns == slice(None) else matrix[:, columns]


@dataclass(frozen=True, eq=False)
class ColumnNumbers:
    """Columns that lie apart.

    Attributes:
        columns: (N,) arrays.
        names: Their names, for messages.
        rows: N.
    """

    columns: Sequence[NDArray[Any]]
    names: Sequence[str]
    rows: int

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.rows

    def block(self, rows: Rows, columns: slice = slice(None)) -> NDArray[Any]:
        """Give some rows of some columns."""
        parts = [column[rows] for column in self.columns[columns]]
        count = len(parts[0]) if parts else len(np.empty(self.rows, dtype=np.bool_)[rows])
        found = np.empty((count, len(parts)), dtype=np.float64)
        for place, part in enumerate(parts):
            found[:, place] = part
        return found


def row_chunks(rows: int, width: int) -> Iterator[slice]:
    """Cut rows into pieces that fit the processor's cache.

    Args:
        rows: How many there are.
        width: Numbers in each.

    Yields:
        Slices that follow each other.
    """
    step = max(1, _CHUNK_ELEMENTS // max(width, 1))
    for first in range(0, rows, step):
        yield slice(first, min(first + step, rows))


@dataclass(frozen=True, eq=False)
class Table:
    """A table in memory.

    Attributes:
        names: Names of the C columns; `x0`, `x1`, ... where it has none.
        named: Whether the names are its own.
        rows: N.
        matrix: (N, C) numbers where all columns are of one type, else None.
        columns: The C columns, or none where there is a matrix.
    """

    names: tuple[str, ...]
    named: bool
    rows: int
    matrix: Any = None
    columns: tuple[Column, ...] = ()

    @property
    def width(self) -> int:
        """C."""
        return len(self.names)

    def column(self, place: int) -> Column:
        """Give one column.

        Args:
            place: Its place, from 0.

        Returns:
            The column.
        """
        if self.matrix is None:
            return self.columns[place]
        found = self.matrix[:, [place]]
        values = found if isinstance(self.matrix, np.ndarray) else found.toarray()
        return Column(self.names[place], "number", values[:, 0])


def open_table(table: Any) -> Table:
    """See an object as a table.

    Args:
        table: (N, C) array, nested list, sparse matrix or tensor; a mapping of names to columns;
            or a data frame: pandas, Polars, Arrow, or a data set of the Hugging Face hub.

    Returns:
        The table; nothing is copied that can be looked at.

    Raises:
        TypeError: It is no table, or a column holds other things than numbers, texts, truth
            values and dates.
        ValueError: It has another shape than (N, C), columns of different lengths, or two columns
            of one name.
    """
    if hasattr(table, "tocsr"):
        return _of_matrix(table.tocsr())
    if isinstance(table, Mapping):
        return _of_columns(list(table), [_values(column) for column in table.values()])
    names = getattr(table, "column_names", getattr(table, "columns", None))
    return _of_array(_array(table)) if names is None else _of_frame(table, list(names))


def _array(rows: Any) -> NDArray[Any]:
    if isinstance(rows, Tensor):
        values = rows.detach().cpu()
        exotic = values.is_floating_point() and values.dtype.itemsize <= 2  # NumPy has no bfloat16
        return np.asarray((values.float() if exotic else values).numpy())
    if isinstance(rows, np.ndarray):
        return rows
    try:
        found = np.asarray(rows)
        return found if found.dtype.kind not in "US" else np.asarray(rows, dtype=object)
    except ValueError:
        raise ValueError("expected rows of equal length, got a ragged list") from None


def _of_array(array: NDArray[Any]) -> Table:
    if array.ndim == 0:
        raise TypeError(
            f"expected a table: an array (N, C) or a data frame, got {shown(array.item(), 60)}"
        )
    if array.ndim != 2:
        raise ValueError(
            f"expected a table of shape (N, C), got {array.shape}: reshape your data, to (-1, 1) "
            "if it is one column, to (1, -1) if it is one row"
        )
    if array.dtype.kind in "biuf":
        return _of_matrix(array)
    names = _default_names(array.shape[1])
    return _table(names, False, [column_of(n, array[:, c]) for c, n in enumerate(names)], array)


def _of_matrix(matrix: Any) -> Table:
    if matrix.dtype.kind not in "biuf":
        raise ValueError(f"expected numbers, got {matrix.dtype}: complex data is not supported")
    rows, width = matrix.shape
    return Table(_default_names(width), False, rows, matrix)


def _default_names(width: int) -> tuple[str, ...]:
    return tuple(f"x{place}" for place in range(width))


def _values(column: Any) -> Any:
    """A column of a mapping: a series of a library, a tensor, or a sequence."""
    if isinstance(column, Tensor):
        return _array(column)
    if isinstance(column, np.ndarray | str):
        return column
    if hasattr(column, "to_numpy"):
        narwhals = import_extra("narwhals")
        if hasattr(column, "combine_chunks") or not hasattr(column, "to_pylist"):
            return narwhals.from_native(column, series_only=True)
        return column.to_numpy(zero_copy_only=False)  # a plain array of Arrow
    return list(column)


def _of_frame(frame: Any, names: list[Any]) -> Table:
    _require_different(names)
    known = import_extra("narwhals").from_native(frame, eager_only=True, pass_through=True)
    if known is frame:  # a data set of the hub
        return _of_columns(names, [_values(frame[name]) for name in names])
    return _of_columns(names, list(known.iter_columns()), rows=len(known))


def _of_columns(names: list[Any], found: list[Any], rows: int | None = None) -> Table:
    _require_different(names)
    named = all(isinstance(name, str) for name in names)
    labels = tuple(names) if named else _default_names(len(names))
    columns = [_column(name, values) for name, values in zip(labels, found, strict=True)]
    return _table(labels, named, columns, rows)


def _require_different(names: list[Any]) -> None:
    twice = (
        [name for name in names if names.count(name) > 1] if len(set(names)) < len(names) else []
    )
    if twice:
        raise ValueError(f"expected columns of different names, got {shown(twice[0], 60)} twice")


def _table(names: tuple[str, ...], named: bool, columns: list[Column], like: Any) -> Table:
    lengths = {len(column.values) for column in columns}
    if len(lengths) > 1:
        raise ValueError(f"expected columns of one length, got {sorted(lengths)[:5]}")
    rows = like if isinstance(like, int) else len(like) if like is not None else 0
    return Table(names, named, lengths.pop() if lengths else rows, columns=tuple(columns))


def _column(name: str, values: Any) -> Column:
    """A column in the words of narwhals, which speaks for pandas, Polars and Arrow, or plain."""
    dtype = getattr(values, "dtype", None)
    if not hasattr(values, "to_numpy"):
        return column_of(name, values)
    narwhals = import_extra("narwhals")
    if dtype in (narwhals.Categorical, narwhals.Enum, narwhals.String):
        return column_of(name, values.to_list(), categories=True)
    if dtype == narwhals.Datetime and dtype.time_zone is not None:
        values = values.dt.replace_time_zone(None)
    return column_of(name, values.to_numpy())
