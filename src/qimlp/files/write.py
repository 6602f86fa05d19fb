"""Files and folders that are written whole or not at all, and that outlive a power cut."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from qimlp.files.messages import printable
from qimlp.files.temporary import open_exclusive, remove, temporary_beside


def write_bytes(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Write a file whole: a file of a random name in the same folder, then a rename.

    A link at `path` is replaced, not followed.

    Args:
        path: The file; an existing one is replaced.
        content: Its bytes.
        durable: Wait until the disk holds them, so that a power cut finds the file whole: the
            earlier one or this one.

    Raises:
        OSError: If it cannot be written (a full disk, say); an earlier file stays as it was.
    """
    temporary = temporary_beside(path)
    try:
        with open(open_exclusive(temporary), "wb") as file:  # noqa: PTH123 - a descriptor
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
        if durable:
            sync_folder(path.parent)
    except OSError as error:
        name = printable(str(path))
        raise OSError(error.errno, f"cannot write: {error.strerror}", name) from error
    finally:
        remove(temporary)


def sync_file(path: Path) -> None:
    """Wait until the disk holds a file that was written before.

    Args:
        path: The file.

    Raises:
        OSError: If it cannot be opened, or the disk fails.
    """
    with path.open("rb+") as file:  # Windows syncs only what is open for writing
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Wait until the disk holds a folder's list of names, where the system can do that.

    Args:
        folder: The folder.

    Raises:
        OSError: If the disk fails.
    """
    if os.name == "nt":  # folders cannot be opened there; renames are in the journal
        return
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


@contextmanager
def whole_folder(path: Path, *, replace: bool = False) -> Iterator[Path]:
    """Fill a folder that is there whole or not at all.

    Args:
        path: The folder to make.
        replace: Replace a folder that is there, once the new one is filled.

    Yields:
        An empty folder of a random name beside it, renamed at the end.

    Raises:
        FileExistsError: If something is there and is not to be replaced.
        OSError: If it cannot be written.
    """
    if not replace and os.path.lexists(path):
        raise FileExistsError(f"{printable(str(path))} exists")
    temporary = temporary_beside(path)
    temporary.mkdir(parents=True)
    old = temporary_beside(path)
    try:
        yield temporary
        sync_folder(temporary)
        if replace and os.path.lexists(path):
            path.replace(old)
        temporary.replace(path)
        sync_folder(path.parent)
    finally:
        remove(temporary)
        if os.path.lexists(old) and not os.path.lexists(path):  # the last rename failed
            old.replace(path)
        remove(old)


def discard(path: Path) -> None:
    """Remove a folder so that it is never there in part.

    Args:
        path: The folder.

    Raises:
        OSError: If it cannot be moved out of the way.
    """
    doomed = temporary_beside(path)
    path.replace(doomed)
    remove(doomed)


def write_text(path: Path, text: str, *, durable: bool = True) -> None:
    """Write a UTF-8 text file whole; see `write_bytes`.

    Args:
        path: The file.
        text: Its text.
        durable: Wait until the disk holds it.
    """
    write_bytes(path, text.encode("utf-8"), durable=durable)


def write_json(path: Path, value: Any, *, durable: bool = True) -> None:
    """Write a value as an indented JSON file, whole; see `write_bytes`.

    Args:
        path: The file.
        value: Anything JSON can hold.
        durable: Wait until the disk holds it.

    Raises:
        ValueError: If a number is not finite.
        OSError: If it cannot be written.
    """
    write_text(path, _finite_json(path, value, indent=2) + "\n", durable=durable)


def write_json_lines(path: Path, rows: list[dict[str, Any]], *, durable: bool = True) -> None:
    """Write one JSON object per line, whole; see `write_bytes`.

    Args:
        path: The file.
        rows: The objects, in order.
        durable: Wait until the disk holds them.

    Raises:
        ValueError: If a number is not finite.
        OSError: If it cannot be written.
    """
    text = "".join(_finite_json(path, row) + "\n" for row in rows)
    write_text(path, text, durable=durable)


def _finite_json(path: Path, value: Any, *, indent: int | None = None) -> str:
    try:
        return json.dumps(value, indent=indent, allow_nan=False)
    except ValueError:
        name = printable(str(path))
        raise ValueError(f"{name}: expected finite numbers to write, got NaN or infinity") from None
