"""Tables with columns of any kind, as a network for tables sees them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from qimlp.data import (
    Column,
    DataSet,
    Inputs,
    TableDataSet,
    TableFeatures,
    TensorSplit,
    feature_frame,
    load_table_inputs,
)
from qimlp.settings import TrainSettings
from qimlp.tasks import Task

_MOST_TERMS = 256
"""Of a column of texts: each is a column for the network."""


def learn_table(
    settings: TrainSettings, table: TableDataSet, rows: Tensor
) -> tuple[DataSet, TableFeatures]:
    """Learn how the columns of a table become numbers and codes; and make them.

    Args:
        settings: The most terms of a column of texts.
        table: What was read.
        rows: Numbers of the training rows to learn from: those that are not dev.

    Returns:
        The data with the network's inputs, and what was learned.

    Raises:
        ValueError: If no column differs from row to row, or settings want another order of them.
    """
    if settings.features.order != "none":
        raise ValueError(
            f"order {settings.features.order}: the columns of a table keep theirs; leave it out"
        )
    frame = table.train.frame
    kinds = {column.name: column.kind for column in table.columns}
    learned = TableFeatures.fit(
        frame.iloc[rows.numpy()],
        categorical=[name for name in frame.columns if kinds[name] == "category"],
        text=[name for name in frame.columns if kinds[name] == "text"],
        terms=min(settings.features.terms, _MOST_TERMS),
    )
    if not learned.in_features:
        raise ValueError(f"{table.name}: every column is the same in all training rows")
    data = DataSet(
        name=table.name,
        train=TensorSplit(learned.apply(frame), table.train.labels),
        test=TensorSplit(learned.apply(table.test.frame), table.test.labels),
        class_names=table.task.class_names,
        target_names=table.task.target_names,
        feature_shape=(learned.in_features,),
        fingerprint=table.fingerprint,
        test_origin=table.test_origin,
        notes=table.notes,
    )
    return data, learned


def read_rows(
    source: str,
    features: TableFeatures,
    columns: tuple[Column, ...],
    *,
    label_column: str | tuple[str, ...] | None,
    task: Task | None,
    data_dir: str | None,
) -> Inputs:
    """Read rows from a file as a network's inputs.

    Args:
        source: Name or path.
        features: How columns become numbers and codes.
        columns: What the columns of the training table were taken for.
        label_column: The column of its labels, or those of its targets.
        task: Says what these mean, where they are needed.
        data_dir: Folder of named data.

    Returns:
        The rows.

    Raises:
        FileNotFoundError: If there is no such data.
        ValueError: If it is not usable.
    """
    targets = (label_column,) if isinstance(label_column, str) else label_column or ()
    found = load_table_inputs(source, columns, targets=targets, task=task, data_dir=data_dir)
    inputs = features.apply(found.frame)
    return Inputs(found.origin, inputs, found.labels, found.part, notes=found.notes)


def as_frame(table: Any, columns: tuple[Column, ...]) -> Any:
    """Bring a data frame into the form that rows of a file have.

    Args:
        table: A data frame of pandas, Polars or Arrow, a mapping; or something without names.
        columns: What the columns of the training table were taken for; none where it was no file.

    Returns:
        Where both have names `pandas.DataFrame`, else `table`.

    Raises:
        ValueError: If a column is missing, or holds something else than in training.
    """
    if not columns:
        return table
    if isinstance(table, Mapping):
        import pandas as pd  # noqa: PLC0415 - only rows by name need it

        table = pd.DataFrame(dict(table))
    elif hasattr(table, "to_pandas"):
        table = table.to_pandas()
    if not all(isinstance(name, str) for name in getattr(table, "columns", (None,))):
        return table
    return feature_frame(table.reset_index(drop=True), columns, "the table")
