"""Files that are written whole or not at all."""

import json
import os
from pathlib import Path
from typing import Any


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole: a temporary file in the same folder, then a rename.

    Args:
        path: The file; an existing one is replaced.
        content: Its bytes.

    Raises:
        OSError: If it cannot be written (a full disk, say); an earlier file stays as it was.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OSError(error.errno, f"cannot write: {error.strerror}", str(path)) from error


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file whole; see `write_bytes`.

    Args:
        path: The file.
        text: Its text.
    """
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Write a value as an indented JSON file, whole; see `write_bytes`.

    Args:
        path: The file.
        value: Anything JSON can hold; NaN and infinities are refused.
    """
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def write_json_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write one JSON object per line, whole; see `write_bytes`.

    Args:
        path: The file.
        rows: The objects, in order.
    """
    write_text(path, "".join(json.dumps(row, allow_nan=False) + "\n" for row in rows))


def read_json_object(path: Path, *, what: str) -> dict[str, Any]:
    """Read a JSON object that a run wrote.

    Args:
        path: The file.
        what: What the file is, for the message.

    Returns:
        The object.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If it is not a JSON object.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} not found: expected {what}; is the folder a run folder?")
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not valid JSON ({error}): expected {what}") from error
    if not isinstance(value, dict):
        raise ValueError(  # noqa: TRY004 - the file is wrong, not an argument
            f"{path} holds a {type(value).__name__}: expected {what}, a JSON object"
        )
    return value
