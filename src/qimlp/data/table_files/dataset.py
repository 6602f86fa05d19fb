"""A data set that is a table: read, not yet as numbers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from torch import Tensor

from qimlp.data.extras import import_extra
from qimlp.data.table_files.kinds import Column
from qimlp.tasks import Task


@dataclass(frozen=True, eq=False)
class TablePart:
    """Rows of a table and what a network is to answer.

    Attributes:
        frame: `pandas.DataFrame` of N rows: the columns that are features, in their order.
        labels: Class numbers (N,), `int64`; or the targets of a regression (N, T), `float64`.
    """

    frame: Any
    labels: Tensor

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class TableDataSet:
    """A table with a train and a test part.

    Attributes:
        name: Short name, fit for a folder's name.
        train: Rows to learn from.
        test: Rows to judge by.
        task: What there is to learn, before anything is known of the train part.
        targets: Names of the columns that are predicted.
        columns: What every other column was taken for.
        fingerprint: SHA-256 (hex) over the content of both parts.
        test_origin: Where the test part comes from.
        notes: What the user should know about how it was read, one line each.
    """

    name: str
    train: TablePart
    test: TablePart
    task: Task
    targets: tuple[str, ...]
    columns: tuple[Column, ...]
    fingerprint: str
    test_origin: str
    notes: tuple[str, ...] = ()

    def labels(self, part: Literal["train", "test"]) -> Tensor:
        """Labels or targets of a part.

        Args:
            part: Which part.

        Returns:
            Class numbers (N,), `int64`, or targets (N, T), `float64`.
        """
        return (self.train if part == "train" else self.test).labels


def fingerprint(train: TablePart, test: TablePart, columns: tuple[Column, ...]) -> str:
    """Hash the content of a table.

    Args:
        train: Rows to learn from.
        test: Rows to judge by.
        columns: What its columns were taken for.

    Returns:
        SHA-256 (hex) over names, kinds, cells and labels.
    """
    pandas = import_extra("pandas")
    digest = hashlib.sha256(repr([(column.name, column.kind) for column in columns]).encode())
    for part in (train, test):
        for name in part.frame.columns:
            hashes = pandas.util.hash_pandas_object(part.frame[name], index=False)
            digest.update(np.ascontiguousarray(hashes, dtype=np.uint64).data)
        digest.update(f"{part.labels.dtype}{tuple(part.labels.shape)}".encode())
        digest.update(part.labels.contiguous().numpy().data)
    return digest.hexdigest()
