"""Sweeps on a PostgreSQL server, for any number of machines."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from threading import Lock
from typing import Any, NoReturn

from optuna.storages import get_storage
from sqlalchemy import Connection, Engine, NullPool, create_engine, event, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from qimlp.sweeps.storage.database import open_tables
from qimlp.sweeps.storage.errors import LockLostError
from qimlp.sweeps.storage.patient import PATIENCE_S, patiently, reason_of
from qimlp.sweeps.storage.storage import Storage

_KEY = int.from_bytes(b"qimlp", "big")
# A server drops what a machine held that was switched off in the middle of a change.
_LIMITS = "SET idle_in_transaction_session_timeout = '30s'; SET lock_timeout = '30s'"
_CONNECT = {
    "connect_timeout": 8,  # seconds
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,  # milliseconds
    "application_name": "qimlp",
}
_POOL = {"pool_pre_ping": True, "pool_size": 2, "max_overflow": 4}


def open_postgres(url: str, shown: str, *, patience_s: float = PATIENCE_S) -> Storage:
    """Open a database on a PostgreSQL server.

    Args:
        url: Address of the database, with its password where there is one.
        shown: The same without a password.
        patience_s: The most seconds for which an operation is tried later on, if the server goes.

    Returns:
        The storage.

    Raises:
        ImportError: If psycopg is missing.
        OSError: If the server cannot be reached or refuses.
        ValueError: If the tables are those of another version of Optuna.
    """
    _require_driver()
    first = create_engine(url, poolclass=NullPool, connect_args=_arguments(url))
    event.listen(first, "connect", _limit)
    try:
        with first.connect() as connection:
            _take(connection)
            made = _is_made(connection)
            storage = open_tables(
                url,
                shown=shown,
                made=made,
                engine={**_POOL, "connect_args": _arguments(url)},
                patience_s=patience_s,
            )
    except DBAPIError as error:
        _refused(error, shown)
    event.listen(storage.engine, "connect", _limit)
    storage.engine.dispose()
    return Storage(shown, get_storage(storage), _AdvisoryLock(storage.engine, shown, patience_s))


class _AdvisoryLock:
    """A lock of the server's, which ends with the connection of whoever holds it."""

    def __init__(self, engine: Engine, shown: str, patience_s: float) -> None:
        self._engine = engine
        self._shown = shown
        self._patience_s = patience_s
        self._here = Lock()  # between the threads of this process

    @contextmanager
    def __call__(self) -> Iterator[None]:
        with self._here:
            connection = patiently(self._taken, shown=self._shown, patience_s=self._patience_s)
            try:
                yield
                _give_back(connection, self._shown)
            finally:
                with suppress(SQLAlchemyError):
                    connection.close()

    def _taken(self) -> Connection:
        connection = self._engine.connect()
        try:
            _take(connection)
        except BaseException:
            connection.close()
            raise
        return connection


def _take(connection: Connection) -> None:
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _KEY})


def _give_back(connection: Connection, shown: str) -> None:
    try:
        connection.commit()
    except SQLAlchemyError as error:
        raise LockLostError(f"storage {shown}: {reason_of(error)}") from None


def _is_made(connection: Connection) -> bool:
    if connection.scalar(text("SELECT to_regclass('alembic_version')")) is None:
        return False
    return bool(connection.scalar(text("SELECT count(*) FROM alembic_version")))


def _limit(connection: Any, _: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_LIMITS)
    connection.commit()


def _arguments(url: str) -> dict[str, Any]:
    """Those that the address does not give itself."""
    return {name: value for name, value in _CONNECT.items() if f"{name}=" not in url}


def _require_driver() -> None:
    try:
        import_module("psycopg")
    except ImportError:
        raise ImportError(
            "a storage on a PostgreSQL server needs psycopg, which is not installed: "
            'pip install "qimlp[postgres]"'
        ) from None


def _refused(error: DBAPIError, shown: str) -> NoReturn:
    """Say in one line why there is no connection."""
    reason = reason_of(error)
    if "password" in reason:
        raise PermissionError(
            f"storage {shown}: {reason}; a password is taken from the address, from PGPASSWORD "
            "or from ~/.pgpass"
        ) from None
    if "does not exist" in reason:
        raise ValueError(f"storage {shown}: {reason}; it must be made first") from None
    raise ConnectionError(f"storage {shown} cannot be reached: {reason}") from None
