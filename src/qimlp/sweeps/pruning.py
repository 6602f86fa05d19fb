"""Which trials are given up before their end: those worse than the median of the finished ones."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

ENOUGH = 5
"""So many finished trials have to be there to compare with."""


@dataclass(frozen=True)
class Finished:
    """A trial that was trained to its end.

    Attributes:
        curve: The dev metric after each epoch.
        parameters: Of its network.
    """

    curve: Sequence[float]
    parameters: int


def is_hopeless(
    curve: Sequence[float],
    parameters: int,
    finished: Iterable[Finished],
    *,
    higher_is_better: bool,
    epochs: int,
    against_smaller: bool,
) -> bool:
    """Say whether a trial is to be given up after an epoch.

    Its best epoch so far is compared with what the finished trials had after as many epochs
    (Optuna's `MedianPruner`), from a quarter of the epochs on. A small network that does worse than
    a large one may still be on the Pareto front: where parameters count, too, a trial is compared
    with the finished ones that have no more parameters, and Optuna prunes nothing.

    Args:
        curve: The dev metric after each epoch so far, at least one.
        parameters: Of the trial's network.
        finished: Those trained to their end.
        higher_is_better: Of the metric.
        epochs: Of the whole trial.
        against_smaller: Whether to compare with no larger networks alone.

    Returns:
        Whether it is worse than the median.
    """
    epoch = len(curve)
    if epoch >= epochs or 4 * epoch < epochs:
        return False
    others = [
        trial.curve[epoch - 1]
        for trial in finished
        if len(trial.curve) >= epoch and not (against_smaller and trial.parameters > parameters)
    ]
    if len(others) < ENOUGH:
        return False
    return max(curve) < median(others) if higher_is_better else min(curve) > median(others)
