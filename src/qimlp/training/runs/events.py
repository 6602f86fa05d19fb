"""What a run tells its caller while it goes on."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from qimlp.training.engine.events import EpochDone, StepsDone
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
        task: Kind of the task.
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
    task: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class RunFinished:
    """The run is complete and on disk.

    Attributes:
        result: What `result.json` holds.
    """

    result: RunResult


Event: TypeAlias = RunStarted | StepsDone | EpochDone | RunFinished
OnEvent: TypeAlias = Callable[[Event], None]
