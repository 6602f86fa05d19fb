"""The thirteen tables, and how a split of one is made."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn import datasets
from sklearn.model_selection import train_test_split

BUILT_IN: dict[str, Callable[..., Any]] = {
    "wine": datasets.load_wine,
    "breast_cancer": datasets.load_breast_cancer,
    "digits": datasets.load_digits,
    "diabetes": datasets.load_diabetes,
}
GIVEN = (
    "attrition",
    "churn",
    "phoneme",
    "letter",
    "concrete",
    "ames",
    "bike",
    "deliveries",
    "diamonds",
)
NAMES = (*BUILT_IN, *GIVEN)
TEST_FRACTION = 0.2
REPORT_SPLITS = 5  # 0 to 4: nothing may be chosen on them


@dataclass(frozen=True)
class Table:
    """One table: `rows`, a data frame of C columns, and `targets`, an array (N,).

    Strings are pandas categories, for whoever reads the kinds of columns off their dtype. Class
    labels are codes 0 .. K - 1, so that no estimator pays for strings.
    """

    name: str
    rows: Any
    targets: np.ndarray
    classes: int  # 0 where the target is a number

    @property
    def task(self) -> str:
        """`classification` or `regression`."""
        return "classification" if self.classes else "regression"


@dataclass(frozen=True)
class Split:
    """The train and the test part of a table."""

    table: Table
    seed: int
    x_train: Any
    x_test: Any
    y_train: np.ndarray
    y_test: np.ndarray

    def many_rows(self, count: int) -> Any:
        """Return `count` rows to time a prediction with: those of the test part, repeated."""
        return self.x_test.iloc[np.arange(count) % len(self.x_test)].reset_index(drop=True)


def load(name: str) -> Table:
    """Load one of the tables.

    Args:
        name: One of `NAMES`. The given ones are read from the folder `tables` of the data folder
            that the variable QIMLP_DATA names.

    Returns:
        The table.

    Raises:
        FileNotFoundError: If a given table is not there.
    """
    if name in BUILT_IN:
        loaded = BUILT_IN[name](as_frame=True)
        return from_frame(name, loaded.frame, classes=hasattr(loaded, "target_names"))
    import pandas as pd  # noqa: PLC0415 - comes with the [train] extra

    path = Path(os.environ.get("QIMLP_DATA", "."), "tables", f"{name}.parquet")
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: no such table; set QIMLP_DATA to the data folder that holds tables/, or "
            f"choose from {', '.join(BUILT_IN)} with --tables"
        )
    frame = pd.read_parquet(path)
    return from_frame(name, frame, classes=not pd.api.types.is_numeric_dtype(frame["target"]))


def from_frame(name: str, frame: Any, *, classes: bool) -> Table:
    """Make a table of a data frame.

    Args:
        name: How the table is called.
        frame: Columns of numbers and strings; `target` is the column to predict.
        classes: Whether the target holds classes.

    Returns:
        The table.
    """
    rows = frame.drop(columns="target")
    strings = list(rows.select_dtypes(exclude="number").columns)
    rows = rows.astype(dict.fromkeys(strings, "category"))
    targets = frame["target"]
    if not classes:
        return Table(name, rows, targets.to_numpy(dtype=np.float64), 0)
    codes = targets.astype("category").cat.codes.to_numpy(dtype=np.int64)
    return Table(name, rows, codes, int(codes.max()) + 1)


def split(table: Table, seed: int) -> Split:
    """Split a table 80 to 20, classes in equal shares; a seed gives the same split every time."""
    parts = train_test_split(
        table.rows,
        table.targets,
        test_size=TEST_FRACTION,
        random_state=seed,
        stratify=table.targets if table.classes else None,
    )
    x_train, x_test, y_train, y_test = parts
    x_train, x_test = (part.reset_index(drop=True) for part in (x_train, x_test))
    return Split(table, seed, x_train, x_test, y_train, y_test)
