"""Reading of files that anybody may have put there: regular ones only, and of a bounded size."""

import os
import stat
from pathlib import Path
from typing import BinaryIO

from qimlp.files.messages import printable

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def require_regular(path: str | os.PathLike[str], *, what: str) -> int:
    """Refuse what is no regular file: a pipe would wait for ever, a device has no end.

    Args:
        path: The file; a link to a regular file is one.
        what: What was expected, such as `"the settings of a run"`.

    Returns:
        Its size in bytes.

    Raises:
        FileNotFoundError: If there is none.
        IsADirectoryError: If it is a folder.
        OSError: If it is a pipe, a socket or a device, or may not be looked at.
    """
    name = printable(os.fspath(path))
    try:
        found = Path(path).stat()
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(f"{name} not found: expected {what}") from None
    except OSError as error:
        raise type(error)(f"{name} cannot be read ({error.strerror}): expected {what}") from None
    except ValueError:  # a NUL character in the name
        raise FileNotFoundError(f"{name} is no name of a file: expected {what}") from None
    return _require_regular(found, name, what)


def _require_regular(found: os.stat_result, name: str, what: str) -> int:
    if stat.S_ISREG(found.st_mode):
        return found.st_size
    kind = _KINDS.get(stat.S_IFMT(found.st_mode), "no regular file")
    error = IsADirectoryError if stat.S_ISDIR(found.st_mode) else OSError
    raise error(f"{name} is {kind}: expected {what}, a regular file")


def open_regular(path: str | os.PathLike[str], *, what: str) -> BinaryIO:
    """Open a regular file for reading; see `require_regular`.

    Args:
        path: The file.
        what: What was expected.

    Returns:
        The open file; the caller closes it.

    Raises:
        FileNotFoundError: If there is none.
        OSError: If it is no regular file or may not be read.
    """
    require_regular(path, what=what)  # before it is opened: that alone may do something to a device
    name = printable(os.fspath(path))
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        number = os.open(path, flags | getattr(os, "O_CLOEXEC", 0))
    except OSError as error:
        raise type(error)(f"{name} cannot be read ({error.strerror}): expected {what}") from None
    file = open(number, "rb")  # noqa: PTH123, SIM115 - a descriptor; the caller closes it
    try:
        _require_regular(os.fstat(number), name, what)  # it may have been exchanged meanwhile
    except OSError:
        file.close()
        raise
    return file


def read_bytes(path: str | os.PathLike[str], *, what: str, most_bytes: int) -> bytes:
    """Read a regular file whole, if it is not too large.

    Args:
        path: The file.
        what: What was expected.
        most_bytes: The largest size accepted.

    Returns:
        Its bytes.

    Raises:
        FileNotFoundError: If there is none.
        OSError: If it is no regular file or may not be read.
        ValueError: If it is larger.
    """
    with open_regular(path, what=what) as file:
        try:
            content = file.read(most_bytes + 1)
        except OSError as error:
            name = printable(os.fspath(path))
            reason = f"{name} cannot be read ({error.strerror}): expected {what}"
            raise type(error)(reason) from None
    if len(content) > most_bytes:
        raise ValueError(
            f"{printable(os.fspath(path))} is too large: expected {what} of at most "
            f"{most_bytes:,} bytes"
        )
    return content
