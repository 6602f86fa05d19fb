"""The kinds of task there are, and how plain data becomes a task."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

from qimlp.tasks.classification import Classification
from qimlp.tasks.regression import Regression
from qimlp.tasks.task import Task

KINDS: dict[str, type[Task]] = {task.kind: task for task in (Classification, Regression)}


def task_from_dict(values: Mapping[str, Any]) -> Task:
    """Make the task that `Task.to_dict` described.

    Args:
        values: Plain data from JSON.

    Returns:
        The task.

    Raises:
        ValueError: If the data describes none; the line says what is wrong.
    """
    kind = values.get("kind")
    if kind == Classification.kind:
        names = _names(values, "class_names")
        if len(set(names)) != len(names) or len(names) < 2:
            raise ValueError("class_names: expected two or more names that differ")
        return Classification(names)
    if kind == Regression.kind:
        names = _names(values, "target_names")
        shift, scale = _numbers(values, "shift", len(names)), _numbers(values, "scale", len(names))
        if min(scale) <= 0:
            raise ValueError("scale: expected numbers greater than 0")
        return Regression(names, shift, scale)
    raise ValueError(f"kind: expected one of {', '.join(KINDS)}")


def _names(values: Mapping[str, Any], key: str) -> tuple[str, ...]:
    names = values.get(key)
    if not isinstance(names, list) or not names or not all(isinstance(n, str) for n in names):
        raise ValueError(f"{key}: expected a list of names")
    return tuple(names)


def _numbers(values: Mapping[str, Any], key: str, count: int) -> tuple[float, ...]:
    numbers = values.get(key)
    if (
        not isinstance(numbers, list)
        or len(numbers) != count
        or not all(type(n) in (int, float) and isfinite(n) for n in numbers)
    ):
        raise ValueError(f"{key}: expected a list of {count} finite numbers")
    return tuple(float(number) for number in numbers)
