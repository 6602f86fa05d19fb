"""The kinds of task there are, and how plain data becomes a task."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

from qimlp.tasks.classification import Classification
from qimlp.tasks.multi_label import MultiLabel
from qimlp.tasks.quantiles import Quantiles
from qimlp.tasks.regression import Regression
from qimlp.tasks.task import Task

_TASKS: tuple[type[Task], ...] = (Classification, MultiLabel, Regression, Quantiles)
KINDS: dict[str, type[Task]] = {task.kind: task for task in _TASKS}


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
        return Classification(_names(values, "class_names"))
    if kind == MultiLabel.kind:
        return MultiLabel(_names(values, "label_names"))
    if kind not in (Regression.kind, Quantiles.kind):
        raise ValueError(f"kind: expected one of {', '.join(KINDS)}")
    names = _names(values, "target_names", differ=False)
    shift, scale = _numbers(values, "shift", len(names)), _numbers(values, "scale", len(names))
    if min(scale) <= 0:
        raise ValueError("scale: expected numbers greater than 0")
    if kind == Regression.kind:
        return Regression(names, shift, scale)
    levels = _numbers(values, "quantiles")
    margins = _numbers(values, "margins") if "margins" in values else ()
    if len(margins) not in (0, len(names) * len(levels)):
        raise ValueError(
            f"margins: expected none or {len(names) * len(levels)} numbers, got {len(margins)}"
        )
    return Quantiles(names, shift, scale, levels, margins)


def _names(values: Mapping[str, Any], key: str, *, differ: bool = True) -> tuple[str, ...]:
    names = values.get(key)
    if not isinstance(names, list) or not names or not all(isinstance(n, str) for n in names):
        raise ValueError(f"{key}: expected a list of names")
    if differ and len(set(names)) != len(names):
        raise ValueError(f"{key}: expected names that differ")
    return tuple(names)


def _numbers(values: Mapping[str, Any], key: str, count: int | None = None) -> tuple[float, ...]:
    numbers = values.get(key)
    if (
        not isinstance(numbers, list)
        or (count is not None and len(numbers) != count)
        or not all(type(n) in (int, float) and isfinite(n) for n in numbers)
    ):
        what = "" if count is None else f"{count} "
        raise ValueError(f"{key}: expected a list of {what}finite numbers")
    return tuple(float(number) for number in numbers)
