"""Wording shared by the readers' errors: one line that names the place."""

from __future__ import annotations

from qimlp.files import printable, shown

_LONGEST = 200


def first_line(error: BaseException) -> str:
    """Shorten a library's message to one line.

    Args:
        error: The exception that the library raised.

    Returns:
        The first line that is not blank, cut at 200 characters; the type's name without one.
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return printable(lines[0] if lines else type(error).__name__, _LONGEST)


def unreadable(place: str, what: str, error: BaseException) -> ValueError:
    """Build the error for content that its library cannot read.

    Args:
        place: File, or file and row, that was read.
        what: What was expected, such as `"a Parquet file"`.
        error: The exception that the library raised.

    Returns:
        A `ValueError` to raise from `error`.
    """
    return ValueError(
        f"{printable(place)}: cannot be read as {what} (empty, truncated or corrupt?): "
        f"{first_line(error)}"
    )


def listed(names: tuple[str, ...] | list[str], most: int = 12) -> str:
    """Write names for a message, the first few of many.

    Args:
        names: What to list.
        most: How many are written out.

    Returns:
        The names in quotes, separated by commas; `"none"` for no names.
    """
    if not names:
        return "none"
    rest = f", ... ({len(names)} in all)" if len(names) > most else ""
    return ", ".join(shown(name, 60) for name in names[:most]) + rest
