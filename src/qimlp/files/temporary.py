"""Names of files that are not whole yet: nobody can guess them, and what a kill left is found."""

import os
import re
import secrets
import shutil
import time
from contextlib import suppress
from pathlib import Path

from qimlp.files.messages import printable

_NAME = re.compile(r"\..*\.[0-9a-f]{16}\.qimlp-tmp", re.DOTALL)
_LONGEST = 40  # characters of the final name; a file's whole name may be 255 bytes long
_SECONDS_AT_WORK = 60


def temporary_beside(path: Path) -> Path:
    """Choose a name in the same folder, on the same disk, that nobody can guess.

    Args:
        path: Where the content goes when it is whole.

    Returns:
        `.<name>.<random>.qimlp-tmp` beside it, not made.
    """
    return path.with_name(f".{path.name[:_LONGEST]}.{secrets.token_hex(8)}.qimlp-tmp")


def open_exclusive(path: Path) -> int:
    """Make a file that was not there, through no link, with the permissions of the umask.

    Args:
        path: The file.

    Returns:
        A descriptor to write to.

    Raises:
        OSError: If something is there already, or nothing can be made there.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    for name in ("O_NOFOLLOW", "O_CLOEXEC", "O_BINARY"):
        flags |= getattr(os, name, 0)
    return os.open(path, flags, 0o666)


def remove_leftovers(folder: Path) -> list[str]:
    """Remove what a killed process left half-written in a folder and the folders in it.

    Only for the process that alone writes there: it holds the folder's lock.

    Args:
        folder: The folder; links in it are not followed.

    Returns:
        The names removed, as a message may show them.
    """
    removed = []
    for place, folders, files in os.walk(folder):
        for name in [*files, *folders]:
            if not _NAME.fullmatch(name):
                continue
            remove(Path(place, name))
            removed.append(printable(name, 80))
        folders[:] = [name for name in folders if not _NAME.fullmatch(name)]
    return removed


def remove_leftovers_of(path: Path) -> None:
    """Remove what processes that were killed more than a minute ago left of one file or folder.

    Nobody locks the folder around it: what is younger may belong to a process that is at work.

    Args:
        path: What they were about to make.
    """
    start = f".{path.name[:_LONGEST]}."
    if not path.parent.is_dir():
        return
    for found in path.parent.iterdir():
        if found.name.startswith(start) and _NAME.fullmatch(found.name):
            with suppress(OSError):
                if abs(time.time() - found.lstat().st_mtime) > _SECONDS_AT_WORK:
                    remove(found)


def remove(path: Path) -> None:
    """Remove a file, a link or a folder with all in it, as far as that is possible.

    Args:
        path: What may be there; a link is removed, not followed.
    """
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()
