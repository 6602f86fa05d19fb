"""Where a training is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from torch import Tensor

from qimlp.tasks import Objective
from qimlp.training.engine.events import EpochDone


@dataclass
class Progress:
    """Where a training is.

    Attributes:
        step: Optimizer steps done.
        epochs: Whole epochs done, each with its evaluation.
        loss_sum: This process's sum of the step losses of the running epoch, of the shape of one
            loss.
        window_seconds: Seconds per step of every logged window.
    """

    loss_sum: Tensor
    step: int = 0
    epochs: list[EpochDone] = field(default_factory=list)
    window_seconds: list[float] = field(default_factory=list)


def is_best(
    task: Objective,
    ties: Literal["first", "loss"],
    dev: Mapping[str, float],
    before: Sequence[EpochDone],
) -> bool:
    """Say whether an epoch is the best so far.

    Args:
        task: Says which of two evaluations is better.
        ties: Of those that the task finds equal, the `"first"`, or the one of the lowest `"loss"`.
        dev: The epoch's evaluation on dev.
        before: The epochs before it.

    Returns:
        Whether its weights are to be kept.
    """
    if task.is_better(dev, [epoch.dev for epoch in before]):
        return True
    best = next((epoch.dev for epoch in reversed(before) if epoch.best), None)
    if ties == "first" or best is None or task.is_better(best, [dev]):
        return False
    return dev["loss"] < best["loss"]
