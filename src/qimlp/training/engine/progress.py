"""Where a training is."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor

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
