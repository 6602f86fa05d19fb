"""Paths as users name them: absurd ones are simply not there."""

from __future__ import annotations

from pathlib import Path


def local_path(name: str) -> Path:
    """Make a path of what a user named.

    Args:
        name: Any text; `~` stands for the home folder.

    Returns:
        The path, whether something is there or not.
    """
    try:
        return Path(name).expanduser()
    except RuntimeError:  # the home folder of nobody
        return Path(name)


def is_folder(path: Path) -> bool:
    """Whether a folder is there.

    Args:
        path: Any path, also one that no system can hold.

    Returns:
        False too where the path is too long, or may not be looked at.
    """
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def is_file(path: Path) -> bool:
    """Whether a regular file is there: no folder, pipe, socket or device.

    Args:
        path: Any path, also one that no system can hold.

    Returns:
        False too where the path is too long, or may not be looked at.
    """
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def exists(path: Path) -> bool:
    """Whether anything is there.

    Args:
        path: Any path, also one that no system can hold.

    Returns:
        False too where the path is too long, or may not be looked at.
    """
    try:
        return path.exists()
    except (OSError, ValueError):
        return False
