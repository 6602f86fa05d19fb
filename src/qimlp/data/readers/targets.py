"""From what a source says of its examples to a task and its targets."""

from __future__ import annotations

import re
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from qimlp.data.readers.error_messages import listed
from qimlp.data.readers.labels import class_names_of, encode
from qimlp.data.readers.raw_examples import RawExamples
from qimlp.files import shown
from qimlp.tasks import Classification, Regression, Task

TaskKind = Literal["auto", "classification", "regression"]
"""What a user may ask for; `"auto"` goes by the labels."""

_MANY_VALUES = 100
"""Whole numbers of more values than this may be amounts, not classes."""

_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)


def task_of(raw: RawExamples, wanted: TaskKind = "auto") -> Task:
    """Tell what there is to learn.

    Left to itself, a label column is one of classes, but where its numbers measure something (see
    `measures_something`); several label columns are targets of a regression.

    Args:
        raw: Labelled training examples.
        wanted: What the user asks for.

    Returns:
        The task.

    Raises:
        ValueError: If the labels do not fit what is wanted, or are not usable.
    """
    labels = _present(raw)
    if labels.ndim > 1 and wanted == "classification":
        raise ValueError(
            f"{raw.origin}: expected one label column for classification, got "
            f"{listed(raw.label_names)}"
        )
    kind = wanted
    if wanted == "auto":
        measured = labels.ndim > 1 or (raw.class_names is None and measures_something(labels))
        kind = "regression" if measured else "classification"
    if kind == "classification":
        return Classification(class_names_of(raw))
    if raw.class_names is not None:
        raise ValueError(
            f"{raw.origin}: the labels are classes by name ({listed(raw.class_names)}): expected "
            "numbers for regression"
        )
    return Regression.of(raw.label_names or ("target",))


def targets_for(raw: RawExamples, task: Task) -> Tensor:
    """Read the labels of examples as a task has them.

    Args:
        raw: Labelled examples.
        task: What is learned.

    Returns:
        Class numbers of shape (N,), `int64`, or targets of shape (N, T), `float64`.

    Raises:
        ValueError: If a label is not such that the task can use it; the line names its row.
    """
    if isinstance(task, Classification):
        return encode(raw, task.class_names)
    labels = _present(raw)
    columns = labels.reshape(len(labels), -1)
    if columns.shape[1] != len(task.target_names):
        raise ValueError(
            f"{raw.origin}: expected {len(task.target_names)} targets, got {columns.shape[1]}"
        )
    return torch.from_numpy(numbers_of(columns, raw.label_names, raw.origin))


def numbers_of(
    values: NDArray[Any], names: tuple[str, ...], origin: str, first_row: int = 0
) -> NDArray[np.float64]:
    """Read targets as numbers.

    Args:
        values: (N, T) of numbers, or of texts that are numbers.
        names: Names of the T columns, for messages.
        origin: File, for messages.
        first_row: Number of the source's rows before these.

    Returns:
        (N, T), finite.

    Raises:
        ValueError: If a value is missing or no finite number; the line names row and column.
    """
    if values.dtype.kind in "biuf":
        numbers = values.astype(np.float64)
    else:
        numbers = np.full(values.shape, np.nan)
        for place, value in np.ndenumerate(values):
            if isinstance(value, int | float) or (
                isinstance(value, str) and _NUMBER.fullmatch(value)
            ):
                numbers[place] = float(value)
    wrong = ~np.isfinite(numbers)
    if wrong.any():
        row, column = np.argwhere(wrong)[0].tolist()
        name = names[column] if column < len(names) else str(column)
        value = values[row, column]
        what = "nothing" if value is None or value in ("", "nan") else shown(value)
        raise ValueError(
            f"{origin}: row {first_row + row + 1}, target {shown(name)}: expected a finite number, "
            f"got {what}; remove the row, or say --task classification"
        )
    return numbers


def measures_something(labels: NDArray[Any]) -> bool:
    """Tell numbers that measure something from classes.

    Args:
        labels: (N,) as a source holds them.

    Returns:
        Whether all are numbers and at least one is not whole, or whether they are whole numbers of
        very many values that a source holds as floats or that have gaps between them, as amounts
        have and numbers of classes have not.
    """
    if holds_fractions(labels):
        return True
    numbers = _as_numbers(labels)
    if numbers is None:
        return False
    values = np.unique(numbers[np.isfinite(numbers)])
    if len(values) <= _MANY_VALUES:
        return False
    return labels.dtype.kind == "f" or float(values[-1] - values[0]) + 1 > len(values)


def holds_fractions(labels: NDArray[Any]) -> bool:
    """Tell whether labels are numbers of which one is not whole.

    Args:
        labels: (N,) as a source holds them.

    Returns:
        Whether all are numbers and at least one is not whole.
    """
    numbers = _as_numbers(labels)
    if numbers is None:
        return False
    known = numbers[np.isfinite(numbers)]
    return bool((known != np.floor(known)).any())


def _as_numbers(labels: NDArray[Any]) -> NDArray[np.float64] | None:
    """Labels as floats, missing ones as NaN; None where one is no number."""
    if labels.dtype.kind == "b":
        return None
    if labels.dtype.kind in "iuf":
        return labels.astype(np.float64)
    numbers = np.full(len(labels), np.nan)
    for row, value in enumerate(labels.tolist()):
        if isinstance(value, bool) or (isinstance(value, str) and not _NUMBER.fullmatch(value)):
            return None
        if value is not None:
            numbers[row] = float(value)
    return numbers


def _present(raw: RawExamples) -> NDArray[Any]:
    if raw.labels is None:
        raise ValueError(f"{raw.origin}: expected labels, found none")
    return raw.labels
