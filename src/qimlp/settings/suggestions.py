"""One-line messages about unknown names, with the nearest valid ones."""

from collections.abc import Iterable
from difflib import get_close_matches


def unknown_name(kind: str, name: str, valid: Iterable[str]) -> str:
    """Say that a name is unknown and which valid ones are nearest.

    Args:
        kind: What was named, such as ``"recipe"``.
        name: What came.
        valid: The valid names.

    Returns:
        One line: the nearest names where any is close, otherwise all of them.
    """
    names = sorted(valid)
    near = get_close_matches(name, names, n=3, cutoff=0.5)
    if near:
        return f"unknown {kind} {name!r}; did you mean {' or '.join(map(repr, near))}?"
    return f"unknown {kind} {name!r}; valid: {', '.join(names)}"
