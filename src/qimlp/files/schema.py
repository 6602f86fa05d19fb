"""Stored values against a pydantic model: one line says what is wrong."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from qimlp.files.shown import printable, shown

if TYPE_CHECKING:
    from pydantic import BaseModel

    Model = TypeVar("Model", bound=BaseModel)


def validated(
    model: type[Model], values: Mapping[str, Any], *, source: str | os.PathLike[str]
) -> Model:
    """Check values that were read from a file.

    Args:
        model: A pydantic model: the file's schema.
        values: As read.
        source: The file, or what else to call it in the message.

    Returns:
        The model.

    Raises:
        ValueError: With one line that names the file, the field, what was expected and what came.
    """
    from pydantic import ValidationError  # noqa: PLC0415 - an extra

    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        more = error.error_count() - 1
    where = printable(".".join(str(part) for part in first["loc"]), 80)
    message = printable(first["msg"].removeprefix("Value error, "), 160)
    if first["type"] == "missing":
        text = f"{where} is missing"
    elif first["type"] == "extra_forbidden":
        text = f"{where}: unknown key"
    elif where:
        expected = message.replace("Input should be", "expected", 1)
        text = f"{where}: {expected[0].lower()}{expected[1:]}, got {shown(first['input'], 80)}"
    else:
        text = message
    others = f" (and {more} more)" if more else ""
    raise ValueError(f"{printable(os.fspath(source))}: {text}{others}")
