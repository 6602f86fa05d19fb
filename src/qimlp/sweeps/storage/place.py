"""Where a storage is: a file or an address, and how it is shown without its password."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from qimlp.files import printable, shown

Kind: TypeAlias = Literal["sqlite", "journal", "postgresql"]

_SUFFIXES: dict[str, Kind] = {
    ".db": "sqlite",
    ".sqlite": "sqlite",
    ".sqlite3": "sqlite",
    ".journal": "journal",
    ".log": "journal",
}
_EXPECTED = (
    "expected a file ending in .db or .sqlite (SQLite, for one machine), one ending in .journal "
    "or .log (on a disk that machines share), or postgresql://USER@HOST/DATABASE"
)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_HOST = re.compile(r"[A-Za-z0-9._:-]*")
_SECRET = re.compile("pass|secret|token", re.IGNORECASE)


@dataclass(frozen=True)
class Place:
    """Where a storage is.

    Attributes:
        kind: What keeps it.
        shown: The place for messages and files, without any password.
        path: The file; None for a server.
        url: The whole address of a server, with the password if it holds one; else empty. Not
            part of the text of this object.
    """

    kind: Kind
    shown: str
    path: Path | None = None
    url: str = ""

    def __repr__(self) -> str:
        return f"Place({self.shown})"


def place_of(where: str | Path) -> Place:
    """Read where a storage is.

    Args:
        where: A path, or an address such as `sqlite:///sweep.db` or
            `postgresql://user@host/database`.

    Returns:
        The place.

    Raises:
        ValueError: If it is neither.
    """
    text = str(where)
    scheme = _SCHEME.match(text)
    if scheme is None:
        kind = _SUFFIXES.get(Path(text).suffix.lower())
        if kind is None:
            raise ValueError(f"storage: {_EXPECTED}, got {shown(text)}")
        return Place(kind, text, Path(text))
    name = scheme[1].lower().partition("+")[0]
    if name == "sqlite":
        path = text[scheme.end() :].removeprefix("/")
        if not path or path.startswith(":") or "?" in path:
            raise ValueError(f"storage: expected sqlite:///FILE, got {shown(text)}")
        return Place("sqlite", path, Path(path))
    if name in ("postgresql", "postgres"):
        return _server(text[scheme.end() :])
    raise ValueError(f"storage: {_EXPECTED}, got {printable(scheme[1])}://...")


def _server(rest: str) -> Place:
    """A PostgreSQL server; nothing of an address that is not understood is shown."""
    try:
        url = make_url(f"postgresql+psycopg://{rest}")
    except (ArgumentError, ValueError):
        url = None
    if url is None or not _HOST.fullmatch(url.host or "") or not url.database:
        raise ValueError(
            "storage: expected postgresql://USER@HOST:PORT/DATABASE (not shown: it may hold a "
            "password); characters such as @ : / ? # in a password are written as %40 %3A %2F "
            "%3F %23, or the password is left to PGPASSWORD or ~/.pgpass"
        )
    public = URL.create(
        "postgresql",
        username=url.username,
        host=url.host,
        port=url.port,
        database=url.database,
        query={key: value for key, value in url.query.items() if not _SECRET.search(key)},
    )
    return Place(
        "postgresql",
        printable(public.render_as_string()),
        url=url.render_as_string(hide_password=False),
    )
