"""Ask for trials, keep them while they run, and finish them, whatever kills the workers."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from threading import Event, Thread
from types import TracebackType
from typing import Any

import optuna
from optuna.samplers import BaseSampler
from optuna.trial import Trial, TrialState

from qimlp.sweeps.storage.ledger import Ledger, Taken
from qimlp.sweeps.storage.storage import Storage

_POLL_S = 0.5


class Claim:
    """A trial that is this worker's until it is told, or left.

    Used as a context: within it the worker gives signs of life; a trial that was not told at its
    end goes to the next worker that asks.

    Attributes:
        trial: The trial, with a study of its own.
    """

    def __init__(self, trial: Trial, trial_id: int, ledger: Ledger, beat_s: float) -> None:
        self.trial = trial
        self._id = trial_id
        self._ledger = ledger
        self._beat_s = beat_s
        self._held = True
        self._told = False
        self._over = Event()
        self._thread = Thread(target=self._beat, name=f"beats of trial {trial.number}", daemon=True)

    @property
    def held(self) -> bool:
        """Whether it is still this worker's.

        Not so after it stood still for longer than the grace period, and another took it over.
        """
        return self._held

    def tell(
        self,
        values: Sequence[float] | None = None,
        *,
        state: TrialState | None = None,
        attributes: Mapping[str, Any] | None = None,
    ) -> bool:
        """Finish the trial.

        Args:
            values: Its values, one for each objective.
            state: Its state; complete where values are given and nothing else is said.
            attributes: User attributes, as JSON.

        Returns:
            False if it was no longer this worker's: nothing is changed then.

        Raises:
            OSError: If the storage cannot be reached.
        """
        told = self._ledger.tell(self.trial, self._id, values, state, attributes or {})
        self._told, self._held = True, told
        return told

    def __enter__(self) -> "Claim":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()
        if not self._told:
            with suppress(OSError):  # the grace period does the same
                self._ledger.leave(self._id)

    def _beat(self) -> None:
        while self._held and not self._over.wait(self._beat_s):
            with suppress(OSError):  # its next word to the storage tells the worker
                self._held = self._ledger.beat(self._id) or self._told


class Claims:
    """One worker's trials of a study.

    Args:
        storage: Where the study is.
        study: The study; its pruner is that of the trials.
        beat_s: Seconds between two signs of life.
        grace_s: Seconds without one after which a worker on another machine is taken for dead; on
            this machine a process is known to be.
    """

    def __init__(
        self, storage: Storage, study: optuna.Study, *, beat_s: float = 10.0, grace_s: float = 60.0
    ) -> None:
        self._storage = storage
        self._study = study
        self._beat_s = beat_s
        self._ledger = Ledger(storage, study, beat_s=beat_s, grace_s=grace_s)

    def ask(
        self,
        limit: int,
        sampler_of: Callable[[int], BaseSampler],
        *,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> Claim | None:
        """Take the next trial; those of dead workers come first.

        While others run the last ones it waits: one of them may die.

        Args:
            limit: How many trials the study is to have: their numbers are below it.
            sampler_of: Makes the sampler of a trial from its number.
            should_stop: Looked at before every try.

        Returns:
            The trial; None once all are finished, or if `should_stop` says so.

        Raises:
            OSError: If the storage cannot be reached.
        """
        pause = Event()
        while not should_stop():
            taken, left = self._ledger.take(limit)
            if taken is not None:
                return self._begun(taken, sampler_of)
            if not left:
                return None
            pause.wait(_POLL_S)
        return None

    def _begun(self, taken: Taken, sampler_of: Callable[[int], BaseSampler]) -> Claim:
        try:
            study = optuna.load_study(  # afresh: it remembers what it has read
                study_name=self._study.study_name,
                storage=self._storage.optuna,
                sampler=sampler_of(taken.number),
                pruner=self._study.pruner,
            )
            return Claim(Trial(study, taken.id), taken.id, self._ledger, self._beat_s)
        except BaseException:
            with suppress(OSError):
                self._ledger.leave(taken.id)
            raise
