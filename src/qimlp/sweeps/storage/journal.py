"""A study as a journal: one file of JSON lines on a disk that several machines share."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from optuna.storages.journal import BaseJournalBackend

from qimlp.files import open_regular, printable, require_regular
from qimlp.sweeps.storage.lock_file import LockFile

_WHAT = "a journal of sweeps"
_PIECE = 65536
_LASTING = {"directions", "state"}  # of studies and of trials
_BEGIN = b'{"op_code":'


class JournalFile(BaseJournalBackend):
    """Lines that are only ever added, one process at a time.

    Optuna's own file backend adds to a line that a killed process has left half-written, after
    which nobody can read the file. Here such a line, which no process has relied on yet, is cut
    off before the next one is written.

    Args:
        path: The file; made where it does not exist.

    Raises:
        ValueError: If it is no journal.
        OSError: If it cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = LockFile(path.with_name(f"{path.name}.lock"))
        self._next = (0, 0)  # number and offset of the line that comes after those read
        if not path.exists():
            self.append_logs([])
        _require_journal(path)

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        """Read the whole lines from a number on.

        Args:
            log_number_from: The number; that after the last one read, or 0.

        Yields:
            The lines, as objects.

        Raises:
            ValueError: If a line is no JSON object.
            OSError: If the file cannot be read, or is no longer the one that was read before.
        """
        number, offset = self._next if log_number_from == self._next[0] else (0, 0)
        with open_regular(self._path, what=_WHAT) as file:
            if os.fstat(file.fileno()).st_size < offset:
                raise OSError(f"{self._shown()} has become shorter: is it another file now?")
            file.seek(offset)
            for line in file:
                if not line.endswith(b"\n"):  # being written, or left half-written
                    return
                number, offset = number + 1, offset + len(line)
                if number <= log_number_from:
                    continue
                self._next = (number, offset)
                yield self._parsed(line, number)

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Add lines; those that make or finish something are on the disk when this ends.

        Args:
            logs: What to write, an object a line.

        Raises:
            OSError: If they cannot be written; nothing is added then that others would read.
        """
        lines = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs)
        with self._lock.held():
            try:
                with self._path.open("ab+") as file:
                    _cut_torn_line(file)
                    file.write(lines.encode())
                    file.flush()
                    if any(_LASTING & log.keys() for log in logs):
                        os.fsync(file.fileno())
            except OSError as error:
                raise type(error)(
                    f"{self._shown()} cannot be written ({error.strerror or error})"
                ) from None

    def _parsed(self, line: bytes, number: int) -> dict[str, Any]:
        log = _object(line)
        if log is None:
            raise ValueError(
                f"{self._shown()}, line {number}: is no line of a journal (a power failure?); "
                f"the {number - 1:,} before it are whole"
            )
        return log

    def _shown(self) -> str:
        return printable(str(self._path))


def _require_journal(path: Path) -> None:
    """Refuse a file whose first line is none of a journal."""
    require_regular(path, what=_WHAT)
    with path.open("rb") as file:
        line = file.readline(_PIECE)
    if not line.endswith(b"\n") and _BEGIN.startswith(line[: len(_BEGIN)]):
        return  # nothing yet, or a first line that was left half-written
    if "op_code" not in (_object(line) or {}):
        raise ValueError(
            f"{printable(str(path))} is no journal of sweeps, and stays as it is: "
            "name a file that does not exist yet"
        )


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _cut_torn_line(file: BinaryIO) -> None:
    """Remove what stands behind the last end of a line."""
    end = file.seek(0, os.SEEK_END)
    start = end
    while start > 0:
        piece_start = max(0, start - _PIECE)
        file.seek(piece_start)
        found = file.read(start - piece_start).rfind(b"\n")
        if found >= 0:
            start = piece_start + found + 1
            break
        start = piece_start
    if start < end:
        file.truncate(start)
    file.seek(start)
