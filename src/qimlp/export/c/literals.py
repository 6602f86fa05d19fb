"""Numbers, tables and texts as C99 writes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

_WIDTH = 100
_LONGEST_TEXT = 255  # bytes; C99 need not take a string of more than 4,095


def real(value: float) -> str:
    """Write a number so that the compiler reads the nearest `float` again.

    Args:
        value: A finite number in the range of `float`.

    Returns:
        A constant with its suffix, such as `0.1f`.

    Raises:
        ValueError: If it is too large for `float`.
    """
    with np.errstate(over="ignore"):
        single = np.float32(value)
    if not np.isfinite(single):
        raise ValueError(
            f"expected numbers that single precision can hold, got {value:g}; scale the data or "
            "train anew"
        )
    text = str(single)
    return f"{text if '.' in text or 'e' in text else text + '.0'}f"


def table(kind: str, name: str, values: ArrayLike) -> str:
    """Declare an array of constants.

    Args:
        kind: Type of an element, such as `float` or `int8_t`.
        name: Of the array.
        values: Its elements, in any shape.

    Returns:
        The declaration, on lines of at most 100 columns.
    """
    flat: list[Any] = np.ravel(np.asarray(values)).tolist()
    written = [real(v) for v in flat] if kind == "float" else [str(int(v)) for v in flat]
    body = "\n".join(wrapped(written))
    return f"static const {kind} {name}[{len(flat)}] = {{\n{body}\n}};\n"


def wrapped(items: Iterable[str], indent: str = "    ") -> list[str]:
    """Set items with commas on as few lines as they need.

    Args:
        items: Texts without line breaks.
        indent: What each line begins with.

    Returns:
        The lines; a comma stands between items, none behind the last.
    """
    lines, line = [], indent
    texts = list(items)
    for place, item in enumerate(texts):
        piece = item + ("," if place < len(texts) - 1 else "")
        if line != indent and len(line) + 1 + len(piece) > _WIDTH:
            lines.append(line)
            line = indent
        line += piece if line == indent else " " + piece
    return [*lines, line]


def c_string(text: str) -> str:
    """Write any text as a C string, in UTF-8.

    All but letters, digits, spaces and harmless signs are octal escapes: no quote, backslash,
    trigraph, line end or half of a character can end the string or change what stands behind it.

    Args:
        text: Any; cut after 255 bytes.

    Returns:
        The string with its quotes.
    """
    data = text.encode("utf-8", "backslashreplace")
    if len(data) > _LONGEST_TEXT:
        data = data[:_LONGEST_TEXT].decode("utf-8", "ignore").encode("utf-8")
    return '"' + "".join(chr(b) if _harmless(b) else f"\\{b:03o}" for b in data) + '"'


def _harmless(byte: int) -> bool:
    return 32 <= byte < 127 and chr(byte) not in '"\\?%*/'


def index_type(largest: int) -> str:
    """Choose the smallest unsigned type.

    Args:
        largest: The largest number to hold.

    Returns:
        Its name.
    """
    return "uint8_t" if largest < 2**8 else "uint16_t" if largest < 2**16 else "uint32_t"
