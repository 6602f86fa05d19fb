"""One-line messages about unknown names, with the nearest valid ones."""

from collections.abc import Iterable
from difflib import get_close_matches

from qimlp.files import shown

_LONGEST = 100  # characters of a name that is compared with others: comparing takes long
_MOST = 12  # valid names that are listed


def unknown_name(kind: str, name: str, valid: Iterable[str]) -> str:
    """Say that a name is unknown and which valid ones are nearest.

    Args:
        kind: What was named, such as `"recipe"`.
        name: What came.
        valid: The valid names.

    Returns:
        One line: the nearest names where any is close, otherwise the valid ones.
    """
    names = sorted(valid)
    near = get_close_matches(name[:_LONGEST], names, n=3, cutoff=0.5)
    if near:
        return f"unknown {kind} {shown(name, 80)}; did you mean {' or '.join(map(repr, near))}?"
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return f"unknown {kind} {shown(name, 80)}; valid: {', '.join(names[:_MOST])}{more}"
