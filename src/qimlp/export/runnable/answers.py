"""From a network's outputs to answers, in operations that exporters know."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from qimlp.tasks import Quantiles, Task


def answers(task: Task, outputs: Tensor) -> Tensor:
    """Compute what `task.answers` does.

    Args:
        task: Any.
        outputs: Of shape (n, outputs).

    Returns:
        Answers of shape (n, outputs).
    """
    if not isinstance(task, Quantiles) or not task.margins:
        return task.answers(outputs)
    values = replace(task, margins=()).values(outputs)
    moved = list((values + torch.tensor(task.margins).view(values.shape[1:])).unbind(-1))
    for place in range(task.middle + 1, len(moved)):
        moved[place] = torch.maximum(moved[place], moved[place - 1])
    for place in reversed(range(task.middle)):
        moved[place] = torch.minimum(moved[place], moved[place + 1])
    return task.in_own_units(torch.stack(moved, dim=-1)).flatten(1)


def answer_names(task: Task) -> tuple[str, ...]:
    """Name the numbers of an answer.

    Args:
        task: Any.

    Returns:
        Classes, labels or targets; of quantiles each target's, from low to high, such as
        `price q0.05`.
    """
    if isinstance(task, Quantiles):
        return tuple(f"{name} q{level}" for name in task.target_names for level in task.quantiles)
    return task.class_names or task.target_names
