"""JSON objects by key in one file of lines, which several processes may write to."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from qimlp.files import parse_json, printable, read_bytes, write_bytes

_DIGEST = "sha256"
_MOST_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Objects:
    """What a file holds.

    Attributes:
        by_key: The objects, in the order of the file; of equal keys the last.
        damaged: One line of text, with file and line number, for each line that cannot be used.
    """

    by_key: Mapping[str, Mapping[str, Any]]
    damaged: tuple[str, ...]


class KeyedLines:
    """A file with one JSON object on each line, each with a hash of its content.

    The file is replaced whole by every change, under a lock that other processes respect, so that
    it never holds half a line.

    Args:
        file: Made, with its folder, by the first `put`.
        key_of: Gives the key of an object, from it and the words for the place where it stands,
            with which the ValueError begins that says why an object cannot be used.
    """

    def __init__(self, file: Path, key_of: Callable[[Mapping[str, Any], str], str]) -> None:
        self.file = file
        self._key_of = key_of

    def read(self) -> Objects:
        """Read all objects.

        Returns:
            The objects and the damaged lines; none of both where there is no file.

        Raises:
            OSError: If the file cannot be read.
        """
        by_key: dict[str, Mapping[str, Any]] = {}
        damaged = []
        for number, line in enumerate(self._lines(), start=1):
            found = self._keyed(line, f"{self.file}, line {number}")
            if isinstance(found, str):
                damaged.append(found)
            else:
                by_key[found[0]] = found[1]
        return Objects(by_key, tuple(damaged))

    def put(self, values: Mapping[str, Any]) -> None:
        """Add an object, in the place of the one with its key where there is one.

        Lines that cannot be used stay as they are.

        Args:
            values: The object; NaN and infinities are refused.

        Raises:
            OSError: If it cannot be written; the file stays as it was.
        """
        key, line = self._key_of(values, "new"), encode(values).encode()
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(self.file.with_name(f".{self.file.name}.lock")):
            lines = self._lines()
            same = [index for index, one in enumerate(lines) if self._has_key(one, key)]
            if same:
                lines[same[-1]] = line
            else:
                lines.append(line)
            write_bytes(self.file, b"".join(one + b"\n" for one in lines))

    def _lines(self) -> list[bytes]:
        if not self.file.exists():
            return []
        content = read_bytes(self.file, what="results, one on a line", most_bytes=_MOST_BYTES)
        return content.removesuffix(b"\n").split(b"\n") if content else []

    def _has_key(self, line: bytes, key: str) -> bool:
        found = self._keyed(line, "")
        return not isinstance(found, str) and found[0] == key

    def _keyed(self, line: bytes, source: str) -> tuple[str, dict[str, Any]] | str:
        """A line's key and object, or why it has none."""
        try:
            values = decode(line, source=source)
            return self._key_of(values, source), values
        except ValueError as error:
            return str(error)


def encode(values: Mapping[str, Any]) -> str:
    """Write an object as one line with a hash of its content.

    Args:
        values: The object; NaN and infinities are refused.

    Returns:
        The line, without its end.
    """
    return json.dumps({**values, _DIGEST: _digest(values)}, allow_nan=False, separators=(",", ":"))


def decode(text: bytes, *, source: str) -> dict[str, Any]:
    """Read an object that `encode` wrote.

    Args:
        text: Its JSON in UTF-8, on one line or on several.
        source: Where it stands, for the message.

    Returns:
        The object, without the hash.

    Raises:
        ValueError: If it is no JSON object, or its content does not fit its hash.
    """
    values = parse_json(text, source=source, what="one JSON object")
    where = printable(source)
    if not isinstance(values, dict) or _DIGEST not in values:
        raise ValueError(f"{where}: expected a JSON object with {_DIGEST!r}")
    digest = values.pop(_DIGEST)
    if digest != _digest(values):
        raise ValueError(f"{where}: its content does not fit its hash; it was changed or damaged")
    return values


def _digest(values: Mapping[str, Any]) -> str:
    text = json.dumps(values, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
