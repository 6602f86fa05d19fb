"""The one reader of stored JSON: bounded in size and depth, with finite numbers and unique keys."""

import json
import math
import os
import re
from collections.abc import Sequence
from typing import Any, NoReturn

from qimlp.files.messages import printable, shown
from qimlp.files.read import read_bytes

#: The largest JSON file that is read; parsed, the worst of this size stays below one gigabyte.
MOST_JSON_BYTES = 32 * 2**20
_MOST_LINES_BYTES = 256 * 2**20
#: The most lists and tables inside each other.
MOST_DEPTH = 64
_MOST_DIGITS = 40  # the state of a random generator holds integers of 128 bits
_STRING = re.compile(rb'"[^"]*"')
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


class _RefusedError(ValueError):
    """Says what in a text is not accepted, for `parse_json` to put the name of the file before."""


def parse_json(content: bytes | str, *, source: str | os.PathLike[str], what: str) -> Any:
    """Parse JSON that anybody may have written.

    Args:
        content: The text, as UTF-8 where it is bytes.
        source: Where it came from, for the message.
        what: What was expected, such as `"the settings of a run"`.

    Returns:
        The value.

    Raises:
        ValueError: If it is no JSON, is too deep, names a key twice, or holds a number that is not
            finite or a text that is no Unicode.
    """
    name = printable(os.fspath(source))
    raw = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{name} is not UTF-8 text: expected {what}") from None
    try:
        require_depth(json_depth(raw))
        value = json.loads(
            text,
            parse_float=_finite,
            parse_int=_integer,
            parse_constant=_refuse_constant,
            object_pairs_hook=_table,
        )
        if _SURROGATE.search(raw):
            _require_unicode(value)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{name} is not valid JSON at line {error.lineno}, column {error.colno}: "
            f"expected {what}"
        ) from None
    except _RefusedError as error:
        raise ValueError(f"{name}: expected {what}, {error}") from None
    except RecursionError:  # the caller's own stack is nearly full
        raise ValueError(f"{name} is nested too deeply: expected {what}") from None
    return value


def json_depth(content: bytes) -> int:
    """Count how many lists and objects lie inside each other, without parsing.

    Args:
        content: JSON, or something else.

    Returns:
        The depth; what is no JSON gets some number, at least its true depth up to the place at
        which a parser stops.
    """
    openings = content.count(b"[") + content.count(b"{")
    if openings <= MOST_DEPTH:
        return openings
    without_escapes = content.replace(b"\\\\", b"").replace(b'\\"', b"")
    return bracket_depth(_STRING.sub(b"", without_escapes))


def bracket_depth(content: bytes) -> int:
    """Count how many brackets lie inside each other.

    Args:
        content: A text without strings.

    Returns:
        The most that are open at once.
    """
    import numpy as np  # noqa: PLC0415 - not for the help of the command

    brackets = np.frombuffer(content.translate(None, _NO_BRACKETS), dtype=np.uint8)
    opens = (brackets == ord("[")) | (brackets == ord("{"))
    steps = np.where(opens, np.int8(1), np.int8(-1))
    return int(np.cumsum(steps, dtype=np.int32).max(initial=0))


def require_depth(depth: int) -> None:
    """Refuse what is nested too deeply.

    Args:
        depth: Lists and tables inside each other.

    Raises:
        ValueError: If there are more than `MOST_DEPTH`.
    """
    if depth > MOST_DEPTH:
        raise _RefusedError(f"at most {MOST_DEPTH} lists inside each other, got {depth:,}")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise _RefusedError(f"finite numbers, got {printable(text, 40)}")
    return value


def _integer(text: str) -> int:
    if len(text) > _MOST_DIGITS:
        raise _RefusedError(f"integers of at most {_MOST_DIGITS} digits, got {len(text):,} digits")
    return int(text)


def _refuse_constant(text: str) -> NoReturn:
    raise _RefusedError(f"finite numbers, got {text}")


def _table(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise _RefusedError(f"each key once, got {shown(twice, 60)} twice")
    return table


def _require_unicode(value: Any) -> None:
    """Refuse halves of surrogate pairs: such a text can be neither printed nor written."""
    left = [value]
    while left:
        item = left.pop()
        if isinstance(item, dict):
            left += [*item.keys(), *item.values()]
        elif isinstance(item, list):
            left += item
        elif isinstance(item, str) and not item.isascii():
            try:
                item.encode()
            except UnicodeEncodeError:
                raise _RefusedError(f"Unicode text, got {shown(item, 60)}") from None


def read_json(path: str | os.PathLike[str], *, what: str, most_bytes: int = MOST_JSON_BYTES) -> Any:
    """Read a JSON file; see `parse_json` for what is refused.

    Args:
        path: A regular file.
        what: What it holds, for the message.
        most_bytes: The largest size accepted.

    Returns:
        The value.

    Raises:
        FileNotFoundError: If there is no such file.
        OSError: If it is no regular file or may not be read.
        ValueError: If it is too large or no acceptable JSON.
    """
    content = read_bytes(path, what=what, most_bytes=most_bytes)
    return parse_json(content, source=path, what=what)


def read_json_object(
    path: str | os.PathLike[str], *, what: str, most_bytes: int = MOST_JSON_BYTES
) -> dict[str, Any]:
    """Read a JSON file that holds an object; see `read_json`.

    Args:
        path: A regular file.
        what: What it holds, for the message.
        most_bytes: The largest size accepted.

    Returns:
        The object.

    Raises:
        FileNotFoundError: If there is no such file.
        OSError: If it is no regular file or may not be read.
        ValueError: If it is too large, no acceptable JSON, or no object.
    """
    return _object(read_json(path, what=what, most_bytes=most_bytes), path, what)


def _object(value: Any, source: str | os.PathLike[str], what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(  # noqa: TRY004 - the file is wrong, not an argument
            f"{printable(os.fspath(source))}: expected {what}, a JSON object, got {shown(value)}"
        )
    return value


def read_json_lines(
    path: str | os.PathLike[str], *, what: str, most_bytes: int = _MOST_LINES_BYTES
) -> list[dict[str, Any]]:
    """Read a file with one JSON object on each line; see `parse_json` for what is refused.

    Args:
        path: A regular file.
        what: What a line holds, for the message.
        most_bytes: The largest size accepted.

    Returns:
        The objects; blank lines are left out.

    Raises:
        FileNotFoundError: If there is no such file.
        OSError: If it is no regular file or may not be read.
        ValueError: If it is too large or a line is no acceptable JSON object; the line is named.
    """
    content = read_bytes(path, what=what, most_bytes=most_bytes)
    rows = []
    for number, line in enumerate(content.split(b"\n"), start=1):
        if line.strip():
            source = f"{printable(os.fspath(path))}, line {number}"
            rows.append(_object(parse_json(line, source=source, what=what), source, what))
    return rows
