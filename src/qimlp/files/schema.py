"""Stored values against a pydantic model: one line says what is wrong."""

from __future__ import annotations

import os
from typing import Any, TypeVar

from qimlp.files.messages import printable, shown

Kind = TypeVar("Kind")


def validated(kind: type[Kind], values: Any, *, source: str | os.PathLike[str]) -> Kind:
    """Check values that were read from a file.

    Args:
        kind: The file's schema: a pydantic model, a dataclass or a type such as `dict[str, int]`.
        values: As read.
        source: The file, or what else to call it in the message.

    Returns:
        The values as that kind.

    Raises:
        ValueError: With one line that names the file, the field, what was expected and what came.
    """
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415 - an extra

    try:
        return TypeAdapter(kind).validate_python(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        more = error.error_count() - 1
    where = printable(".".join(str(part) for part in first["loc"]), 80)
    message = printable(first["msg"].removeprefix("Value error, "), 160)
    if first["type"] == "missing":
        text = f"{where} is missing"
    elif first["type"] == "extra_forbidden":
        text = f"{where}: unknown key"
    elif message.startswith("Input should be"):
        expected = message.replace("Input should be", "expected", 1).partition(" or instance of")[0]
        text = f"{where}: " * bool(where) + f"{expected}, got {shown(first['input'], 80)}"
    else:
        text = f"{where}: " * bool(where) + message
    others = f" (and {more} more)" if more else ""
    raise ValueError(f"{printable(os.fspath(source))}: {text}{others}")
