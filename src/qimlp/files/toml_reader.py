"""The one reader of TOML: bounded in size and depth, with finite numbers."""

import math
import os
import re
import sys
from typing import Any

from qimlp.files.json_reader import MOST_DEPTH, bracket_depth, require_depth
from qimlp.files.messages import printable, shown
from qimlp.files.read import read_bytes

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

#: The largest TOML file that is read; people write them by hand.
MOST_TOML_BYTES = 2**16
_MOST_INTEGER_BITS = 128
# Texts and comments: brackets in them open nothing.
_TEXTS = re.compile(
    rb'"""[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*"""|\'\'\'.*?\'\'\''
    rb'|"[^"\\\n]*(?:\\.[^"\\\n]*)*"|\'[^\'\n]*\'|#[^\n]*',
    re.DOTALL,
)
_MOST_DIGITS = 400
_LONG_NUMBER = re.compile(rb"\d(?:_?\d){%d}" % _MOST_DIGITS)
_LONG_KEY = re.compile(rb"(?:[\w-]+[ \t]*\.[ \t]*){%d}" % MOST_DEPTH)


def read_toml(
    path: str | os.PathLike[str], *, what: str, most_bytes: int = MOST_TOML_BYTES
) -> dict[str, Any]:
    """Read a TOML file that anybody may have written.

    Args:
        path: A regular file.
        what: What it holds, for the message.
        most_bytes: The largest size accepted.

    Returns:
        Its table.

    Raises:
        FileNotFoundError: If there is no such file.
        OSError: If it is no regular file or may not be read.
        ValueError: If it is too large, no TOML, nested too deeply, or holds a number that is not
            finite.
    """
    name = printable(os.fspath(path))
    content = read_bytes(path, what=what, most_bytes=most_bytes)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{name} is not UTF-8 text: expected {what}") from None
    try:
        _require_shallow(content)
        table = tomllib.loads(text)
        _require_sane(table)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{name} is not valid TOML: {printable(str(error), 120)}") from None
    except RecursionError:  # brackets that only the parser found
        raise ValueError(f"{name} is nested too deeply: expected {what}") from None
    except ValueError as error:
        raise ValueError(f"{name}: expected {what}, {error}") from None
    return table


def _require_shallow(content: bytes) -> None:
    """Refuse, before it is parsed, what would take a parser deep or long."""
    bare = _TEXTS.sub(b'""', content)
    require_depth(bracket_depth(bare))
    if _LONG_KEY.search(bare):
        require_depth(MOST_DEPTH + 1)
    if _LONG_NUMBER.search(bare):
        raise ValueError(f"numbers of at most {_MOST_DIGITS} digits")


def _require_sane(table: dict[str, Any]) -> None:
    """Refuse nested tables that are too deep and numbers that are not finite or too large."""
    left: list[tuple[Any, int]] = [(table, 0)]
    while left:
        item, depth = left.pop()
        require_depth(depth)
        if isinstance(item, dict):
            left += [(value, depth + 1) for value in item.values()]
        elif isinstance(item, list):
            left += [(value, depth + 1) for value in item]
        elif isinstance(item, float) and not math.isfinite(item):
            raise ValueError(f"finite numbers, got {item}")
        elif isinstance(item, int) and item.bit_length() > _MOST_INTEGER_BITS:
            raise ValueError(f"numbers of at most {_MOST_INTEGER_BITS} bits, got {shown(item)}")
