"""Which worker has which trial: read and changed by one process at a time.

Optuna's own heartbeat does not serve: databases alone have it, it works within `Study.optimize`
alone, and what it starts again gets another number. Here the attribute of a trial names the
worker that has it, and counts that worker's beats. A worker that dies leaves a running trial with
its name on it, which the next one to ask takes over as it is, with the parameters drawn so far.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar
from uuid import uuid4

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from qimlp.files import printable
from qimlp.sweeps.storage.errors import LockLostError
from qimlp.sweeps.storage.process import known_dead, this_process
from qimlp.sweeps.storage.storage import Storage
from qimlp.sweeps.storage.study import quiet
from qimlp.sweeps.storage.watch import Watch

_CLAIM = "qimlp:claim"
_MOST_TRIES = 5

Answer = TypeVar("Answer")


class Taken(NamedTuple):
    """A trial that this worker has: Optuna's id of it, and its number in the study."""

    id: int
    number: int


class Ledger:
    """One worker's view of who has which trial.

    Args:
        storage: Where the study is.
        study: The study.
        beat_s: Seconds between two beats of a worker.
        grace_s: Seconds after which a worker that does not beat is taken for dead.
    """

    def __init__(
        self, storage: Storage, study: optuna.Study, *, beat_s: float, grace_s: float
    ) -> None:
        self._storage = storage
        self._optuna = storage.optuna
        self._study_id = storage.optuna.get_study_id_from_name(study.study_name)
        self._worker = uuid4().hex
        self._beats = 0
        self._mine: set[int] = set()
        self._longest_gap_s = 1.5 * beat_s
        self._grace_s = grace_s
        self._watches: dict[int, Watch] = {}
        self._last_look = time.monotonic()

    def take(self, limit: int) -> tuple[Taken | None, bool]:
        """Take the next trial: one of a dead worker, one that waits, or a new one.

        Args:
            limit: Trials have the numbers below it.

        Returns:
            The trial, None if there is none to take now; and whether trials are left that are not
            finished.

        Raises:
            OSError: If the storage cannot be reached.
        """
        taken, left = self._alone(lambda: self._take(limit))
        if taken is not None:
            self._mine.add(taken.id)
        return taken, left

    def beat(self, trial_id: int) -> bool:
        """Give a sign of life.

        Args:
            trial_id: A trial that was taken.

        Returns:
            False if it is no longer this worker's.

        Raises:
            OSError: If the storage cannot be reached.
        """

        def change() -> None:
            self._beats += 1
            self._sign(trial_id)

        return self._alone(lambda: self._if_mine(trial_id, change))

    def tell(
        self,
        trial: Trial,
        trial_id: int,
        values: Sequence[float] | None,
        state: TrialState | None,
        attributes: Mapping[str, Any],
    ) -> bool:
        """Finish a trial.

        Args:
            trial: The trial.
            trial_id: Optuna's id of it.
            values: Its values.
            state: Its state; None: complete.
            attributes: User attributes to set before.

        Returns:
            False if it was no longer this worker's: nothing is changed then.

        Raises:
            OSError: If the storage cannot be reached.
        """

        def change() -> None:
            for name, value in attributes.items():
                trial.set_user_attr(name, value)
            with quiet():
                trial.study.tell(trial, values, state, skip_if_finished=True)

        told = self._alone(lambda: self._if_mine(trial_id, change))
        self._mine.discard(trial_id)
        return told

    def leave(self, trial_id: int) -> None:
        """Give a trial back unfinished, for the next worker to take.

        Args:
            trial_id: A trial that was taken.

        Raises:
            OSError: If the storage cannot be reached.
        """
        self._mine.discard(trial_id)
        self._alone(
            lambda: self._if_mine(
                trial_id, lambda: self._optuna.set_trial_system_attr(trial_id, _CLAIM, None)
            )
        )

    def _take(self, limit: int) -> tuple[Taken | None, bool]:
        trials = self._optuna.get_all_trials(self._study_id, deepcopy=False)
        self._look()
        unfinished = [t for t in trials if t.number < limit and not t.state.is_finished()]
        free = [trial for trial in unfinished if self._is_free(trial)]
        if free:
            return self._taken(free[0]), True
        if len(trials) >= limit:
            return None, bool(unfinished)
        template = create_trial(state=TrialState.RUNNING, system_attrs={_CLAIM: self._claim()})
        trial_id = self._optuna.create_new_trial(self._study_id, template)
        number = self._optuna.get_trial(trial_id).number
        if number < limit:
            return Taken(trial_id, number), True
        # Only if the answer to a first try was lost, and with it a trial that is found next time.
        self._optuna.set_trial_system_attr(trial_id, _CLAIM, None)
        return None, True

    def _is_free(self, trial: FrozenTrial) -> bool:
        if trial.state is TrialState.WAITING:
            return True
        claim = trial.system_attrs.get(_CLAIM, {})
        if claim is None:
            return True
        if claim.get("worker") == self._worker:  # taken, but the answer was lost
            return self._id(trial) not in self._mine
        watch = self._watches.setdefault(trial.number, Watch(self._grace_s))
        return watch.is_over((claim.get("worker"), claim.get("beat"))) or known_dead(claim)

    def _taken(self, trial: FrozenTrial) -> Taken:
        trial_id = self._id(trial)
        self._watches.pop(trial.number, None)
        self._sign(trial_id)
        if trial.state is TrialState.WAITING:
            self._optuna.set_trial_state_values(trial_id, TrialState.RUNNING)
        return Taken(trial_id, trial.number)

    def _look(self) -> None:
        """Forget how long others have been still if this worker has not looked on all the while.

        After the storage was away, or the whole machine stood still, the others are given time.
        """
        now = time.monotonic()
        if now - self._last_look > self._longest_gap_s:
            self._watches.clear()
        self._last_look = now

    def _if_mine(self, trial_id: int, change: Callable[[], None]) -> bool:
        claim = self._optuna.get_trial_system_attrs(trial_id).get(_CLAIM)
        self._look()
        if claim is None or claim.get("worker") != self._worker:
            return False
        with suppress(UpdateFinishedTrialError):  # by this worker, and the answer was lost
            change()
        return True

    def _alone(self, decide: Callable[[], Answer]) -> Answer:
        """Decide something alone, and once more if it turns out that this was not alone."""
        for _ in range(_MOST_TRIES):
            with suppress(LockLostError), self._storage.exclusive():
                return decide()
        raise TimeoutError(
            f"storage {printable(self._storage.shown)}: its lock was lost {_MOST_TRIES} times"
        )

    def _sign(self, trial_id: int) -> None:
        self._optuna.set_trial_system_attr(trial_id, _CLAIM, self._claim())

    def _claim(self) -> dict[str, Any]:
        return {"worker": self._worker, "beat": self._beats, **this_process()}

    def _id(self, trial: FrozenTrial) -> int:
        return self._optuna.get_trial_id_from_study_id_trial_number(self._study_id, trial.number)
