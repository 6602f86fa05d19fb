"""Sweeps in an SQLite file, for the processes of one machine."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from optuna.storages import get_storage
from sqlalchemy import URL, event

from qimlp.files import printable, require_regular, temporary_beside
from qimlp.sweeps.storage.database import open_tables
from qimlp.sweeps.storage.patient import PATIENCE_S
from qimlp.sweeps.storage.storage import Storage

_ENGINE = {"connect_args": {"timeout": 60.0}}  # seconds to wait for another process's change
_POLL_S = 0.002


def open_sqlite(path: Path) -> Storage:
    """Open an SQLite file, or make one.

    Args:
        path: The file.

    Returns:
        The storage.

    Raises:
        ValueError: If the file is something else, or of another version of Optuna.
        OSError: If it cannot be read or written.
    """
    shown = printable(str(path))
    lock = FileLock(path.with_name(f"{path.name}.lock"))

    @contextmanager
    def exclusive() -> Iterator[None]:
        try:
            with lock.acquire(timeout=PATIENCE_S, poll_interval=_POLL_S):
                yield
        except Timeout:
            raise TimeoutError(
                f"storage {shown}: others have held its lock for {PATIENCE_S:.0f} s"
            ) from None

    if not _exists(path):
        with exclusive():
            if not _exists(path):
                _make(path, shown)
    _require_sweeps(path, shown)
    storage = open_tables(_address(path), shown=shown, made=True, engine=_ENGINE)
    event.listen(storage.engine, "connect", _write_ahead)
    storage.engine.dispose()
    return Storage(str(path), get_storage(storage), exclusive)


def _exists(path: Path) -> bool:
    return path.exists() and require_regular(path, what="an SQLite file") > 0


def _make(path: Path, shown: str) -> None:
    """Make the file whole: one with half of its tables would be of no use to anybody."""
    new = temporary_beside(path)
    try:
        open_tables(_address(new), shown=shown, made=False, engine=_ENGINE).engine.dispose()
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def _address(path: Path) -> str:
    return URL.create("sqlite", database=str(path)).render_as_string()


def _require_sweeps(path: Path, shown: str) -> None:
    """Refuse a file of another program before anything is written to it."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as file:
            tables = {name for (name,) in file.execute("SELECT name FROM sqlite_master")}
    except sqlite3.DatabaseError as error:
        raise ValueError(
            f"{shown} is no SQLite file of sweeps ({printable(str(error))}), and stays as it is: "
            "name a file that does not exist yet"
        ) from None
    if not {"studies", "version_info", "alembic_version"} <= tables:
        raise ValueError(
            f"{shown} is an SQLite file of another program, and stays as it is: "
            "name a file that does not exist yet"
        )


def _write_ahead(connection: sqlite3.Connection, _: object) -> None:
    """Readers do not wait for writers; a power cut may undo the last changes, never half of one."""
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
