"""Optuna's storage in a database that may be away for a while."""

import logging
import random
import time
import weakref
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.storages import RDBStorage
from optuna.trial import TrialState
from sqlalchemy.exc import (
    DBAPIError,
    InterfaceError,
    OperationalError,
    PendingRollbackError,
    SQLAlchemyError,
)

from qimlp.files import printable

PATIENCE_S = 120.0
_SHORTEST_S, _LONGEST_S = 0.05, 2.0


def patiently(call: Callable[[], Any], *, shown: str, patience_s: float) -> Any:
    """Do something in a database, again and again while it cannot be reached or is locked.

    Args:
        call: What to do; what is done twice must be as if done once.
        shown: Name of the storage for a message.
        patience_s: The most seconds to try.

    Returns:
        What `call` returns.

    Raises:
        ConnectionError: If the database has not come back.
        OSError: If it answers that something is wrong, such as a full disk.
    """
    begun, pause = time.monotonic(), _SHORTEST_S
    while True:
        try:
            return call()
        except (StorageInternalError, SQLAlchemyError) as error:
            cause = error.__cause__ if isinstance(error, StorageInternalError) else error
            waited = time.monotonic() - begun
            if not _may_pass(cause):
                raise OSError(f"storage {shown}: {reason_of(cause)}") from None
            if waited >= patience_s:
                raise ConnectionError(
                    f"storage {shown}: not reached for {waited:.0f} s ({reason_of(cause)}); "
                    "finished trials are kept: start again once it is back"
                ) from None
        time.sleep(min(pause * random.uniform(0.5, 1.0), patience_s))  # noqa: S311 - not a secret
        pause = min(2 * pause, _LONGEST_S)


def reason_of(error: BaseException | None) -> str:
    """Say in a few words what a database has answered.

    Args:
        error: What SQLAlchemy raised.

    Returns:
        The first line of the database's own message, which holds no password.
    """
    origin = getattr(error, "orig", None) or error
    lines = [line for line in str(origin).splitlines() if line.strip()] or [type(origin).__name__]
    fatal = lines[0].rpartition("FATAL:")[2]
    return printable(fatal.strip())


def _may_pass(error: BaseException | None) -> bool:
    if isinstance(error, PendingRollbackError):  # Optuna asked on after the connection was lost
        return True
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    if type(error.orig).__module__.partition(".")[0] == "sqlite3":
        return "locked" in str(error.orig) or "busy" in str(error.orig)
    return getattr(error.orig, "sqlstate", None) != "53100"  # its disk is full


def _is_news(record: logging.LogRecord) -> bool:
    """Optuna prints the whole query that failed before it is tried again here."""
    return not str(record.msg).startswith("Caught an error from sqlalchemy")


class PatientStorage(RDBStorage):
    """Optuna's storage in a database, each operation of which is tried again for a while.

    Args:
        url: Address of the database.
        shown: The same without a password, for messages.
        patience_s: The most seconds to try.
        **options: Those of Optuna's own class.
    """

    def __init__(
        self, url: str, *, shown: str, patience_s: float = PATIENCE_S, **options: Any
    ) -> None:
        self.shown = shown
        self.patience_s = patience_s
        super().__init__(url.replace("{", "{{").replace("}", "}}"), **options)
        logging.getLogger(RDBStorage.__module__).addFilter(_is_news)
        # Whoever lets go of it need not close it: a server counts the connections.
        weakref.finalize(self, self.engine.dispose)

    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        """Set a trial's state.

        Args:
            trial_id: The trial.
            state: Its state.
            values: Its values.

        Returns:
            Whether it was set.

        Raises:
            UpdateFinishedTrialError: If it was finished before.
        """
        tries = 0
        change = super().set_trial_state_values

        def attempt() -> bool:
            nonlocal tries
            tries += 1
            try:
                return bool(change(trial_id, state, values))
            except UpdateFinishedTrialError:
                if tries == 1:
                    raise
                return True  # the answer to the first try was lost, not the change

        return bool(patiently(attempt, shown=self.shown, patience_s=self.patience_s))


def _made_patient(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def patient(self: PatientStorage, *args: Any, **kwargs: Any) -> Any:
        return patiently(
            lambda: method(self, *args, **kwargs), shown=self.shown, patience_s=self.patience_s
        )

    return patient


# Those that Optuna's cache calls as well are among them; setting a state is above.
for _name in (
    "create_new_study",
    "get_study_id_from_name",
    "get_study_name_from_id",
    "get_study_directions",
    "get_study_user_attrs",
    "get_study_system_attrs",
    "get_all_studies",
    "set_study_user_attr",
    "set_study_system_attr",
    "get_trial",
    "get_trial_id_from_study_id_trial_number",
    "_create_new_trial",
    "_get_best_trial_id",
    "_get_trials",
    "_set_trial_param",
    "set_trial_intermediate_value",
    "set_trial_system_attr",
    "set_trial_user_attr",
):
    setattr(PatientStorage, _name, _made_patient(getattr(RDBStorage, _name)))
