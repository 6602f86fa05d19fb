"""What a sweep tells while it goes on."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from qimlp.sweeps.results import TrialResult
from qimlp.sweeps.space import Space


@dataclass(frozen=True)
class SweepStarted:
    """The study is open and the workers are about to begin.

    Attributes:
        folder: What the sweep leaves behind.
        storage: Where its trials are kept, without a password.
        space: What is searched.
        finished: Trials finished before.
        trials: Trials in all.
        workers: Processes that train on this machine.
        threads: CPU threads of each; None for as many as torch takes.
        notes: What is to be known of the data, one line each.
    """

    folder: Path
    storage: str
    space: Space
    finished: int
    trials: int
    workers: int
    threads: int | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class TrialEpoch:
    """A trial has come further.

    Attributes:
        number: Of the trial, from 0.
        epoch: Epochs done.
        epochs: Of the whole trial.
        metric: The dev metric after this epoch.
    """

    number: int
    epoch: int
    epochs: int
    metric: float


@dataclass(frozen=True)
class TrialFinished:
    """A trial is complete, pruned or failed, and the storage holds it.

    Attributes:
        result: What came of it.
    """

    result: TrialResult


SweepEvent: TypeAlias = SweepStarted | TrialEpoch | TrialFinished
OnSweepEvent: TypeAlias = Callable[[SweepEvent], None]
