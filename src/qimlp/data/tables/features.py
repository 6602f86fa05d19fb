"""Tables as a network's inputs: what was learned on training rows, kept as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from qimlp.data.tables.categories import codes_of
from qimlp.data.tables.dates import date_parts
from qimlp.data.tables.frames import ColumnNumbers, MatrixNumbers, Numbers, Table, open_table
from qimlp.data.tables.learning import Categorical, learn_columns, training_rows
from qimlp.data.tables.numbers import RobustScaling
from qimlp.data.tables.used import UsedColumn, damaged
from qimlp.data.tables.values import Column
from qimlp.files import shown


@dataclass(frozen=True)
class TableFeatures:
    """How a table's columns become numbers and codes, learned on training rows.

    Numbers, truth values, the parts of dates and the terms of texts become numbers on one scale,
    behind which stands an indicator for each column that had missing values; categories become
    codes. Columns that hold one value, or none, are left out.

    Attributes:
        width: Number of columns of the training table.
        named: Whether these had names.
        columns: Those that are used, in the training table's order.
        scaling: Of their numbers, in that order.
    """

    width: int
    named: bool
    columns: tuple[UsedColumn, ...]
    scaling: RobustScaling

    @property
    def num_numbers(self) -> int:
        """Number of scaled numbers and indicators, which come first."""
        return self.scaling.width

    @property
    def cardinalities(self) -> tuple[int, ...]:
        """Number of values V of each category, which come last; codes run from 0 to V."""
        return tuple(len(column.values) for column in self.columns if column.use == "category")

    @property
    def in_features(self) -> int:
        """Width of a network's input: numbers and codes."""
        return self.num_numbers + len(self.cardinalities)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns that are used."""
        return tuple(column.name for column in self.columns)

    @classmethod
    def fit(
        cls,
        table: Any,
        *,
        weights: Any = None,
        categorical: Categorical = "from_dtype",
        text: Sequence[str] = (),
        terms: int = 256,
    ) -> TableFeatures:
        """Learn from training rows.

        Args:
            table: (N, C) array, sparse matrix or tensor; a data frame of pandas, Polars or Arrow;
                or a mapping of names to columns.
            weights: (N,) weights of the rows, 0 or more; whole ones count as that many rows.
            categorical: Which columns are categories: `"from_dtype"`, those whose type says so
                (texts and categories); their names or places; C truth values; or None.
            text: Names of columns whose words count (TF-IDF).
            terms: The most terms of such a column.

        Returns:
            What was learned.

        Raises:
            TypeError: It is no table, or holds lists or objects.
            ValueError: There are no rows, a number is infinite, a value is no number, or
                `weights`, `categorical` or `text` do not fit.
        """
        known = open_table(table)
        rows, known_weights = training_rows(known, weights)
        columns = learn_columns(known, rows, known_weights, categorical, text, terms)
        numbers = _numbers(columns, known, [column.position for column in columns])
        scaling = RobustScaling.fit(numbers, rows, known_weights)
        kept: list[UsedColumn] = []
        parts: list[range] = []
        first = 0
        for column in columns:
            own = range(first, first + column.parts)
            first = own.stop
            if column.use == "category" or any(map(scaling.tells, own)):
                kept.append(column)
                parts.append(own)
        return cls(known.width, known.named, tuple(kept), scaling.select(parts))

    def apply(self, table: Any) -> Tensor:
        """Turn rows into a network's inputs.

        Args:
            table: As for `fit`. Columns are found by name where training and these rows have
                names, in any order and among others; else by place.

        Returns:
            (N, num_numbers + number of categories) `float32` on the CPU: the numbers, then codes
            from 0 to V, 0 for a value that was not seen in training and for what is missing.

        Raises:
            TypeError: It is no table, or holds lists or objects.
            ValueError: A column is missing, a number is infinite, or a value is no number.
        """
        known = open_table(table)
        places = self._places(known)
        numbers = _numbers(self.columns, known, places)
        inputs = np.empty((known.rows, self.in_features), dtype=np.float32)
        self.scaling.apply(numbers, inputs[:, : self.num_numbers])
        out = self.num_numbers
        for column, place in zip(self.columns, places, strict=True):
            if column.use == "category":
                inputs[:, out] = codes_of(known.column(place), column.values)
                out += 1
        return torch.from_numpy(inputs)

    def to_dict(self) -> dict[str, Any]:
        """Give plain data for JSON.

        Returns:
            What `from_dict` takes.
        """
        return {
            "width": self.width,
            "named": self.named,
            "columns": [column.to_dict() for column in self.columns],
            **self.scaling.to_dict(),
        }

    @classmethod
    def from_dict(cls, stored: Any) -> TableFeatures:
        """Read what `to_dict` gave.

        Args:
            stored: The content of a file.

        Returns:
            Equal features.

        Raises:
            ValueError: They are damaged.
        """
        if not isinstance(stored, Mapping) or not {"width", "named", "columns"} <= set(stored):
            raise damaged("width, named, columns and their scaling", stored)
        width, named, listed = stored["width"], stored["named"], stored["columns"]
        if type(named) is not bool or not isinstance(listed, list):
            raise damaged("named as true or false, and a list of columns", [named, listed])
        columns = tuple(UsedColumn.from_dict(column) for column in listed)
        positions = [column.position for column in columns]
        if type(width) is not int or sorted({*positions, width}) != [*positions, width]:
            raise damaged(f"{len(columns)} places in order below a width", [width, positions])
        if len({column.name for column in columns}) < len(columns):
            raise damaged("columns of different names", [column.name for column in columns])
        own = {key: value for key, value in stored.items() if key not in _OWN}
        scaling = RobustScaling.from_dict(own, sum(column.parts for column in columns))
        return cls(width, named, columns, scaling)

    def _places(self, table: Table) -> list[int]:
        """Where a table holds the columns that are used."""
        if self.named and table.named:
            known = {name: place for place, name in enumerate(table.names)}
            missing = [column.name for column in self.columns if column.name not in known]
            if missing:
                names = ", ".join(shown(name, 60) for name in missing[:5])
                raise ValueError(f"the table lacks the columns {names}")
            return [known[column.name] for column in self.columns]
        if table.width != self.width:
            raise ValueError(
                f"expected rows of {self.width} values as in training, got {table.width}"
            )
        return [column.position for column in self.columns]


_OWN = ("width", "named", "columns")


def _numbers(columns: Sequence[UsedColumn], table: Table, places: Sequence[int]) -> Numbers:
    """The numbers of columns side by side, not scaled."""
    used = [(c, p) for c, p in zip(columns, places, strict=True) if c.use != "category"]
    if table.matrix is not None and all(column.use == "number" for column, _ in used):
        chosen = np.asarray([place for _, place in used], dtype=np.int64)
        everything = np.array_equal(chosen, np.arange(table.width))
        names = [column.name for column, _ in used]
        return MatrixNumbers(table.matrix, None if everything else chosen, names)
    names, parts = [], []
    for column, place in used:
        found = _parts(column, table.column(place))
        names += [column.name] * len(found)
        parts += found
    return ColumnNumbers(parts, names, table.rows)


def _parts(used: UsedColumn, column: Column) -> list[NDArray[Any]]:
    if used.terms is not None:
        return list(used.terms.apply(column.texts()).numpy().T)
    return date_parts(column.dates()) if used.use == "date" else [column.numbers()]
