"""Open a storage of any kind."""

import os
from pathlib import Path

from optuna.storages import JournalStorage

from qimlp.files import printable
from qimlp.sweeps.storage.journal import JournalFile
from qimlp.sweeps.storage.lock_file import LockFile
from qimlp.sweeps.storage.place import place_of
from qimlp.sweeps.storage.postgres import open_postgres
from qimlp.sweeps.storage.sqlite import open_sqlite
from qimlp.sweeps.storage.storage import Storage


def open_storage(where: str | Path) -> Storage:
    """Open a storage, or make one.

    Args:
        where: A file ending in `.db` or `.sqlite` (SQLite, for the processes of one machine), one
            ending in `.journal` or `.log` (a journal, for a disk that machines share), or
            `postgresql://USER@HOST/DATABASE`. The password of a server may be part of the
            address, or be left to PGPASSWORD or `~/.pgpass`; it is never shown or stored.

    Returns:
        The storage.

    Raises:
        ValueError: If it is none of these, the file is something else, or the tables are those of
            another version of Optuna.
        OSError: If it cannot be reached, read or written.
        ImportError: If the driver of the server is missing.
    """
    place = place_of(where)
    if place.path is None:
        return open_postgres(place.url, place.shown)
    _require_folder(place.path)
    return open_sqlite(place.path) if place.kind == "sqlite" else _open_journal(place.path)


def _open_journal(path: Path) -> Storage:
    shown = printable(str(path))
    lock = LockFile(path.with_name(f"{path.name}.claims.lock"))
    try:
        storage = JournalStorage(JournalFile(path))
    except (KeyError, TypeError, AssertionError, AttributeError):  # lines of another program
        raise ValueError(
            f"{shown} is a damaged journal of sweeps, or one of another version of Optuna: "
            "name a file that does not exist yet"
        ) from None
    return Storage(str(path), storage, lock.held)


def _require_folder(path: Path) -> None:
    folder = path.parent
    if not folder.is_dir():
        raise FileNotFoundError(
            f"storage {printable(str(path))}: the folder {printable(str(folder))} does not exist"
        )
    if not os.access(folder, os.W_OK):
        raise PermissionError(
            f"storage {printable(str(path))}: the folder {printable(str(folder))} cannot be "
            "written to"
        )
