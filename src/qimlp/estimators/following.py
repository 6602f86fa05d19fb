"""What is looked at while an estimator is fitted: loss, score on the validation part, progress."""

from __future__ import annotations

import math
from collections.abc import Callable

from torch import Tensor

from qimlp.estimators.progress_bar import Bar
from qimlp.models import Pretrained
from qimlp.tasks import Metric
from qimlp.training import Callback, EpochDone, StepsDone, Trainer

Score = Callable[[Pretrained, EpochDone], float]
"""Says how good a network is at the end of an iteration: more is better."""


def by_metric(metric: Metric) -> Score:
    """Score by a metric of the task.

    Args:
        metric: The metric.

    Returns:
        The score: the metric, or less it where less is better.
    """
    sign = 1.0 if metric.higher_is_better else -1.0
    return lambda _network, epoch: sign * epoch.dev[metric.name]


def by_loss(_network: Pretrained, epoch: EpochDone) -> float:
    """Score by the loss on the validation part.

    Args:
        epoch: The iteration.

    Returns:
        Less the loss.
    """
    return -epoch.dev["loss"]


class Following(Callback):
    """Keeps the curves and the best weights, and says when to stop.

    Attributes:
        loss_curve: Mean training loss of each iteration.
        scores: Score of each iteration; empty without a validation part.
        best: Weights of the best iteration; empty without a validation part.
        stopped: Whether enough iterations were no better.

    Args:
        score: Of the validation part; None where there is none.
        patience: Iterations without an improvement before it stops; None for no stop.
        tol: What counts as an improvement.
        bar: Shows where the training is; None for nothing.
    """

    def __init__(
        self, score: Score | None, *, patience: int | None, tol: float, bar: Bar | None
    ) -> None:
        self.loss_curve: list[float] = []
        self.scores: list[float] = []
        self.best: dict[str, Tensor] = {}
        self.stopped = False
        self._score, self._patience, self._tol, self._bar = score, patience, tol, bar
        self._best = (-math.inf, -math.inf)  # score, and less the loss where scores are equal
        self._mark, self._waited = -math.inf, 0

    def on_steps(self, trainer: Trainer, steps: StepsDone) -> None:  # noqa: ARG002
        """Show how far it is; see `Callback`."""
        if self._bar is not None:
            self._bar.at(steps.step, steps.loss, self.scores)

    def on_epoch(self, trainer: Trainer, epoch: EpochDone) -> None:
        """Keep loss, score and the best weights; see `Callback`."""
        self.loss_curve.append(epoch.train_loss)
        if self._score is None:
            return
        found = self._score(trainer.state.evaluated, epoch)
        self.scores.append(found)
        if (found, -epoch.dev["loss"]) > self._best:
            self._best = (found, -epoch.dev["loss"])
            weights = trainer.state.evaluated.state_dict()
            self.best = {name: value.detach().clone() for name, value in weights.items()}
        self._waited = 0 if found > self._mark + self._tol else self._waited + 1
        self._mark = max(self._mark, found)
        self.stopped = self._patience is not None and self._waited >= self._patience
