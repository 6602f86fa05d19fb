"""Workers that run trials of a cheap objective, each a process that may be killed at any moment."""

import multiprocessing
import os
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from qimlp.sweeps.storage import Claims, load_study, open_storage, open_study

NAME = "cheap"
_EPOCHS = 3


@dataclass(frozen=True)
class Job:
    """What workers do.

    Attributes:
        where: The storage.
        limit: Number of trials.
        sampler: `random` or `tpe`.
        seconds: How long a trial takes.
        log: File to which a worker adds the number of each trial it has told.
        beat_s: Seconds between beats.
        grace_s: Seconds after which a silent worker is taken for dead.
    """

    where: str
    limit: int
    sampler: str
    log: Path
    seconds: float = 0.0
    beat_s: float = 10.0
    grace_s: float = 60.0


class OfNumber(BaseSampler):
    """Draws each parameter from the trial's number, its name and the finished trials alone."""

    def __init__(self, sampler: str, number: int) -> None:
        self._make: Callable[[int], BaseSampler] = _SAMPLERS[sampler]
        self._number = number

    def infer_relative_search_space(self, *_: Any) -> dict[str, BaseDistribution]:
        """No parameter is drawn with others."""
        return {}

    def sample_relative(self, *_: Any) -> dict[str, Any]:
        """No parameter is drawn with others."""
        return {}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, name: str, distribution: BaseDistribution
    ) -> Any:
        """Draw one parameter."""
        sampler = self._make(zlib.crc32(f"{self._number} {name}".encode()))
        return sampler.sample_independent(study, trial, name, distribution)


_SAMPLERS: dict[str, Callable[[int], BaseSampler]] = {
    "random": lambda seed: RandomSampler(seed=seed),
    "tpe": lambda seed: TPESampler(seed=seed),
}


def work(job: Job) -> None:
    """Run trials until all are finished."""
    storage = open_storage(job.where)
    study = open_study(storage, NAME, directions=["minimize"], about={"format": 1})
    claims = Claims(storage, study, beat_s=job.beat_s, grace_s=job.grace_s)
    while claim := claims.ask(job.limit, lambda number: OfNumber(job.sampler, number)):
        with claim:
            value = objective(claim.trial, job.seconds)
            told = claim.tell([value]) if value < 3 else claim.tell(state=TrialState.PRUNED)
        if told:
            with job.log.open("ab", buffering=0) as log:
                log.write(f"{claim.trial.number}\n".encode())


def objective(trial: Trial, seconds: float) -> float:
    """Compute a trial's value, with one report an epoch."""
    x, y = trial.suggest_float("x", -1, 1), trial.suggest_float("y", 1e-3, 1, log=True)
    kind = trial.suggest_categorical("kind", ["a", "b", "c"])
    reported = trial.study.get_trials(deepcopy=False)[trial.number].intermediate_values
    for epoch in range(_EPOCHS):
        if epoch not in reported:  # by a worker that was killed
            trial.report(x * x + y + epoch, epoch)
        time.sleep(seconds / _EPOCHS)
    return x * x + y + ("abc".index(kind))


def start(job: Job) -> BaseProcess:
    """Start a worker in a fresh process, within milliseconds."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    process = context.Process(target=work, args=(job,), daemon=True)
    process.start()
    return process


def finished(where: str) -> dict[int, tuple[str, dict[str, Any], list[float] | None]]:
    """State, parameters and values of all trials by their numbers."""
    study = load_study(open_storage(where), NAME)
    return {
        trial.number: (trial.state.name, trial.params, trial.values)
        for trial in study.get_trials(deepcopy=False)
    }


def told(log: Path) -> list[int]:
    """Numbers of the trials that workers have told, in order of time."""
    return [int(line) for line in log.read_text().split()] if log.exists() else []


def kill(process: BaseProcess) -> None:
    """End a worker as the system does that has run out of memory."""
    if process.pid is not None and process.is_alive():
        os.kill(process.pid, 9)
    process.join()
