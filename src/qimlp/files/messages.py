"""Values as a message shows them: short, on one line, and without control characters."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

_LONGEST_INTEGER_BITS = 256
_DEEPEST = 3
_BRACKETS = {list: ("[", "]"), dict: ("{", "}"), set: ("{", "}")}


def printable(text: str, limit: int = 200) -> str:
    """Escape what a terminal would act on, and leave out the middle of a long text.

    Args:
        text: Any text, such as a path or the message of a library.
        limit: The most characters to give back.

    Returns:
        The text on one line. Its end is kept too: it often says what to do.
    """
    if len(text) > limit:  # before escaping, which would take long for megabytes
        text = text[:limit] + text[-limit:]
    escaped = "".join(map(_escaped, text))
    if len(escaped) <= limit:
        return escaped
    tail = limit // 3
    return f"{escaped[: limit - tail - 5]} ... {escaped[-tail:]}"


def _escaped(character: str) -> str:
    if character.isprintable():
        return character
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def shown(value: Any, limit: int = 120) -> str:
    """Show a value in a message, as `repr` would, but never long.

    Args:
        value: Any value: read from a file, given by a user.
        limit: About the most characters to give back.

    Returns:
        One line without control characters, cut where the value is longer.
    """
    return _cut(_shown(value, limit, _DEEPEST), limit)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 4]} ..."


def _shown(value: Any, limit: int, depth: int) -> str:
    if isinstance(value, str | bytes | bytearray):
        return _shown_text(value, limit)
    if isinstance(value, int) and not isinstance(value, bool):
        bits = int.bit_length(value)
        return f"an integer of {bits:,} bits" if bits > _LONGEST_INTEGER_BITS else str(value)
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        return _shown_items(value, limit, depth)
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"{type(value).__name__} of shape {tuple(value.shape)} and {value.dtype}"
    return printable(repr(value), limit)


def _shown_text(value: str | bytes | bytearray, limit: int) -> str:
    """Python's own form with quotes; where it is cut, its length stands behind."""
    head = value[:limit]
    text = repr(bytes(head) if isinstance(head, bytearray) else head)
    if len(value) <= limit and len(text) <= limit:
        return text
    unit = "characters" if isinstance(value, str) else "bytes"
    tail = f" ... ({len(value):,} {unit})"
    return text[: limit - len(tail)] + tail


def _shown_items(value: Mapping[Any, Any] | Collection[Any], limit: int, depth: int) -> str:
    opening, closing = _BRACKETS.get(type(value), ("(", ")"))
    if depth <= 0 and value:
        return f"{opening}...{closing}"
    items: Iterable[str]
    if isinstance(value, Mapping):
        items = (f"{_shown(k, limit, 0)}: {_shown(v, limit, depth - 1)}" for k, v in value.items())
    else:
        items = (_shown(item, limit, depth - 1) for item in value)
    return f"{opening}{_joined(items, limit)}{closing}"


def _joined(items: Iterable[str], limit: int) -> str:
    """Join items with commas until they are too long; what follows is not even looked at."""
    kept: list[str] = []
    length = 0
    for item in items:
        kept.append(item)
        length += len(item) + 2
        if length > limit:
            break
    return ", ".join(kept)
