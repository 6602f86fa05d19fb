"""A storage of sweeps: Optuna's, and the one lock under which decisions are taken."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from optuna.storages import BaseStorage


@dataclass(frozen=True)
class Storage:
    """A storage that several processes share, perhaps on several machines.

    Attributes:
        shown: Where it is, for messages and files, without any password.
        optuna: Optuna's storage, for its functions that take one.
        exclusive: Gives a context within which no other process is in such a context of this
            storage. Held for milliseconds: what is read within it is still true when something
            is decided by it. A process that is killed gives it up. Ends with `LockLostError` if
            it was not alone, after which the decision is to be taken again.
    """

    shown: str
    optuna: BaseStorage
    exclusive: Callable[[], AbstractContextManager[None]]
