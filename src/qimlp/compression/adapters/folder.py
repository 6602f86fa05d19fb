"""Folders that hold an adapter and nothing else."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from qimlp.files import printable, shown, whole_folder


@contextmanager
def adapter_folder(path: Path, names: Collection[str]) -> Iterator[Path]:
    """Fill a folder that is there whole or not at all; only an earlier adapter is replaced.

    Args:
        path: The folder.
        names: Files that an earlier adapter may consist of.

    Yields:
        An empty folder of a random name beside it, renamed at the end.

    Raises:
        FileExistsError: Something else is there.
        OSError: It cannot be written.
    """
    name = printable(str(path))
    if path.exists() and not path.is_dir():
        raise FileExistsError(f"{name} is a file: expected the name of a folder to write")
    others = sorted({each.name for each in path.iterdir()} - set(names)) if path.is_dir() else []
    if others:
        raise FileExistsError(
            f"{name} holds other files, such as {shown(others[0], 80)}; choose a folder of its own"
        )
    with whole_folder(path, replace=True) as new:
        yield new
