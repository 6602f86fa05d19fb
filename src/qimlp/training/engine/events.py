"""What a run tells its caller while it goes on."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

from qimlp.training.runs.result import RunResult


@dataclass(frozen=True)
class RunStarted:
    """A run begins, or continues.

    Attributes:
        data: Name of the data.
        label: Name of the network.
        seed: Its seed.
        parameters: Its parameters.
        epochs: Epochs of the whole run.
        steps_per_epoch: Steps of one epoch.
        done_steps: Steps done before, in a resumed run.
        folder: The run folder.
        notes: What to know before it trains, of the data and from `advice`; none where it is
            resumed.
    """

    data: str
    label: str
    seed: int
    parameters: int
    epochs: int
    steps_per_epoch: int
    done_steps: int
    folder: Path
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class StepsDone:
    """Some steps were done and the loss checked.

    Attributes:
        epoch: From 1.
        step: Steps done in the whole run.
        loss: Mean training loss since the check before.
        samples_per_second: Training speed since the check before.
    """

    epoch: int
    step: int
    loss: float
    samples_per_second: float


@dataclass(frozen=True)
class EpochDone:
    """One epoch and its evaluation on the dev part; one line of ``metrics.jsonl``.

    Attributes:
        epoch: From 1.
        step: Steps done in the whole run.
        train_loss: Mean over the epoch.
        dev_loss: Mean over the dev part.
        dev_accuracy: Fraction of the dev part.
        lr: Largest learning rate of the epoch's last step.
        best: Whether this is the best dev accuracy so far.
        test_accuracy: Fraction of the test set, only with ``watch_test``; it decides nothing.
    """

    epoch: int
    step: int
    train_loss: float
    dev_loss: float
    dev_accuracy: float
    lr: float
    best: bool
    test_accuracy: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON.

        Returns:
            The attributes by name.
        """
        return asdict(self)


@dataclass(frozen=True)
class RunFinished:
    """The run is complete and on disk.

    Attributes:
        result: What ``result.json`` holds.
    """

    result: RunResult


Event: TypeAlias = RunStarted | StepsDone | EpochDone | RunFinished
OnEvent: TypeAlias = Callable[[Event], None]
