"""An export's folder: there whole or not at all, and never in the place of another."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from qimlp.files import printable, shown, whole_folder

DEFAULT_NAME = "qimlp_network"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_LONGEST_NAME = 48


@contextmanager
def new_folder(out: str | os.PathLike[str]) -> Iterator[Path]:
    """Fill a folder that was not there.

    Args:
        out: The folder to make.

    Yields:
        An empty folder beside it, renamed at the end; gone where an error ends it.

    Raises:
        FileExistsError: If something is there.
        OSError: If it cannot be written.
    """
    require_free(out)
    try:
        with whole_folder(Path(out)) as folder:
            yield folder
    except OSError as error:
        if error.errno is None:
            raise
        raise type(error)(error.errno, error.strerror, os.fspath(out)) from None


def require_free(out: str | os.PathLike[str]) -> None:
    """Refuse a folder that is there, or that cannot be.

    Args:
        out: Where an export will lie.

    Raises:
        FileExistsError: If something is there.
        NotADirectoryError: If it would lie below a file.
    """
    if os.path.lexists(out):
        name = printable(os.fspath(out))
        raise FileExistsError(f"{name} exists; choose another folder to export to")
    parent = next((above for above in Path(out).absolute().parents if above.exists()), None)
    if parent is not None and not parent.is_dir():
        raise NotADirectoryError(f"{printable(str(parent))} is a file: nothing can lie below it")


def sizes(folder: Path) -> Mapping[str, int]:
    """Measure the files of a folder.

    Args:
        folder: Any.

    Returns:
        Bytes by name, in the names' order.
    """
    return {path.name: path.stat().st_size for path in sorted(folder.iterdir())}


def check_name(name: str) -> str:
    """Require a name that files, and identifiers of C and JavaScript, can have.

    Args:
        name: Of the network.

    Returns:
        The same.

    Raises:
        ValueError: If it is none.
    """
    if isinstance(name, str) and _NAME.fullmatch(name) and len(name) <= _LONGEST_NAME:
        return name
    raise ValueError(
        f"name: expected a letter and then letters, digits and underscores, {_LONGEST_NAME} at "
        f"most, such as {DEFAULT_NAME}; got {shown(name)}"
    )
