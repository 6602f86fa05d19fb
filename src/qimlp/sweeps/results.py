"""What came of the trials of a sweep: who is on the front, who leads."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from qimlp.sweeps.space import Value

State = Literal["complete", "pruned", "failed"]


@dataclass(frozen=True)
class TrialResult:
    """One trial that is finished.

    Attributes:
        number: From 0.
        state: `"complete"`; `"pruned"`, given up as worse than the median; or `"failed"`.
        params: What was drawn for it, by the name of the setting.
        metric: On the dev part, of the best epoch; of a pruned one, of the best until then.
        parameters: Of the network; None where it could not be built.
        best_epoch: From 1; None where no epoch was trained.
        curve: The metric after each epoch.
        seconds: Time it took.
        threads: CPU threads that it was trained with; None for as many as torch took.
        reason: Why it failed; empty where it did not.
    """

    number: int
    state: State
    params: Mapping[str, Value]
    metric: float | None = None
    parameters: int | None = None
    best_epoch: int | None = None
    curve: tuple[float, ...] = ()
    seconds: float = 0.0
    threads: int | None = None
    reason: str = ""

    @property
    def point(self) -> tuple[int, float]:
        """Parameters and metric of a complete trial."""
        if self.parameters is None or self.metric is None:
            raise ValueError(f"trial {self.number}: expected a complete one, got a {self.state}")
        return self.parameters, self.metric

    def to_dict(self) -> dict[str, Any]:
        """Give plain data for JSON.

        Returns:
            The attributes by name.
        """
        return asdict(self)


def ranked(trials: Sequence[TrialResult], *, higher_is_better: bool) -> list[TrialResult]:
    """Order the complete trials by the metric.

    Args:
        trials: Any.
        higher_is_better: Of the metric.

    Returns:
        The best first; of equals the smaller network, then the earlier trial.
    """
    sign = -1 if higher_is_better else 1
    complete = [trial for trial in trials if trial.state == "complete"]
    return sorted(complete, key=lambda t: (sign * t.point[1], t.point[0], t.number))


def pareto_front(trials: Sequence[TrialResult], *, higher_is_better: bool) -> list[TrialResult]:
    """Find the complete trials that none beats in both metric and parameters.

    Args:
        trials: Any.
        higher_is_better: Of the metric.

    Returns:
        The smallest network first; of trials that are equal in both, the earliest.
    """
    front: list[TrialResult] = []
    for trial in ranked(trials, higher_is_better=higher_is_better):
        if not front or trial.point[0] < front[-1].point[0]:
            front.append(trial)
    return front[::-1]
