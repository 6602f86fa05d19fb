"""Studies of this program in a storage."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import optuna
from optuna.study import StudyDirection

from qimlp.files import printable, shown
from qimlp.sweeps.storage.storage import Storage

ABOUT = "qimlp"
"""Name of the one attribute of a study that says what it searches."""


def open_study(
    storage: Storage, name: str, *, directions: Sequence[str], about: Mapping[str, Any]
) -> optuna.Study:
    """Open a study, or make it, whoever of several processes comes first.

    Args:
        storage: Where it is.
        name: Its name.
        directions: `maximize` or `minimize` for each objective.
        about: What it searches, as JSON: kept as the attribute `qimlp` where the study is made.
            Of a study that exists the attribute stays as it is, for the caller to compare.

    Returns:
        The study.

    Raises:
        ValueError: If another program made a study of that name.
        OSError: If the storage cannot be reached.
    """
    wanted = [StudyDirection[direction.upper()] for direction in directions]
    with storage.exclusive():
        study = _found(storage, name)
        if study is None:
            study = _made(storage, name, wanted)
        if ABOUT not in study.user_attrs:
            # A process that was killed in this very place has left no more than the name.
            if study.user_attrs or study.get_trials(deepcopy=False) or study.directions != wanted:
                _refuse(storage, name)
            study.set_user_attr(ABOUT, dict(about))
    return study


def load_study(storage: Storage, name: str) -> optuna.Study:
    """Load a study that exists.

    Args:
        storage: Where it is.
        name: Its name.

    Returns:
        The study.

    Raises:
        ValueError: If there is none, or another program made it.
        OSError: If the storage cannot be reached.
    """
    study = _found(storage, name)
    if study is None:
        others = optuna.get_all_study_names(storage.optuna)
        held = f"it holds {shown(others)}" if others else "it is empty"
        raise ValueError(f"storage {_shown(storage)} holds no sweep {shown(name)}: {held}")
    if ABOUT not in study.user_attrs:
        _refuse(storage, name)
    return study


def _found(storage: Storage, name: str) -> optuna.Study | None:
    try:
        return optuna.load_study(study_name=name, storage=storage.optuna)
    except KeyError:
        return None


def _made(storage: Storage, name: str, directions: Sequence[StudyDirection]) -> optuna.Study:
    with quiet():
        return optuna.create_study(
            study_name=name, storage=storage.optuna, directions=directions, load_if_exists=True
        )


@contextmanager
def quiet() -> Iterator[None]:
    """Optuna prints no news while this lasts, such as that it has made a study."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(max(before, optuna.logging.WARNING))
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def _refuse(storage: Storage, name: str) -> None:
    raise ValueError(
        f"storage {_shown(storage)}: the study {shown(name)} was made by another program; "
        "choose another name or another storage"
    )


def _shown(storage: Storage) -> str:
    return printable(storage.shown)
