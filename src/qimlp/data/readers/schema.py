"""What the schema of a Parquet file and its metadata say about columns."""

from __future__ import annotations

import json
import re
from typing import Any

from qimlp.data.extras import import_extra
from qimlp.files import printable, shown

LIST, TEXT = -1, -2
"""Widths of a column of lists, and of one of categories, before its rows are seen."""
_UNNAMED_INDEX = re.compile(r"__index_level_\d+__")


def declared_features(schema: Any, origin: str) -> dict[str, dict[str, Any]]:
    """Read what the Hugging Face metadata of a schema says about its columns.

    Args:
        schema: `pyarrow.Schema`.
        origin: File, for messages.

    Returns:
        Descriptions by column name; none without metadata.

    Raises:
        ValueError: The metadata cannot be read.
    """
    info = _metadata(schema, "huggingface", origin).get("info", {})
    declared = info.get("features") if isinstance(info, dict) else None
    if not isinstance(declared, dict):
        return {}
    return {name: kind for name, kind in declared.items() if isinstance(kind, dict)}


def declared_classes(
    declared: dict[str, dict[str, Any]], label: str | None, origin: str
) -> tuple[str, ...] | None:
    """Read the names of the classes off the description of the label column.

    Args:
        declared: From `declared_features`.
        label: The label column.
        origin: File, for messages.

    Returns:
        The names by class number; `None` where the file does not say.

    Raises:
        ValueError: They are no list of names.
    """
    names = declared.get(label or "", {}).get("names")
    if not names:
        return None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise _damaged("huggingface", origin)
    return tuple(names)


def index_columns(schema: Any, origin: str) -> tuple[str, ...]:
    """List the columns that pandas wrote to number or name the rows.

    Args:
        schema: `pyarrow.Schema`.
        origin: File, for messages.

    Returns:
        Their names, in the schema's order.

    Raises:
        ValueError: The metadata cannot be read.
    """
    named = _metadata(schema, "pandas", origin).get("index_columns")
    said = {name for name in named if isinstance(name, str)} if isinstance(named, list) else set()
    return tuple(name for name in schema.names if name in said or _UNNAMED_INDEX.fullmatch(name))


def is_image(field: Any, declared: dict[str, dict[str, Any]]) -> bool:
    """Tell whether a column holds encoded images.

    Args:
        field: `pyarrow.Field`.
        declared: From `declared_features`.

    Returns:
        Whether it is declared so, or holds bytes.
    """
    types = import_extra("pyarrow").types
    if declared.get(field.name, {}).get("_type") == "Image":
        return True
    if types.is_struct(field.type):
        return bool(field.type.get_field_index("bytes") >= 0)
    return bool(types.is_binary(field.type) or types.is_large_binary(field.type))


def column_width(field: Any, origin: str, *, text: bool) -> int:
    """Tell by its type how many features a column holds.

    Args:
        field: `pyarrow.Field`.
        origin: File, for messages.
        text: Whether texts may be categories.

    Returns:
        0 for a column of numbers, `LIST` for one of lists of numbers, `TEXT` for one of texts.

    Raises:
        ValueError: It holds something else.
    """
    types = import_extra("pyarrow").types
    kind = field.type
    if types.is_dictionary(kind):
        kind = kind.value_type
    if _is_number(kind):
        return 0
    if _is_list(kind) and _is_number(kind.value_type):
        return LIST
    if types.is_string(kind) or types.is_large_string(kind):
        if text:
            return TEXT
        raise no_numbers(field.name, origin)
    raise ValueError(
        f"{origin}: column {shown(field.name, 60)} has type {printable(str(kind), 60)}: "
        "expected numbers, lists of numbers or images; leave it out with --drop-column"
    )


def no_numbers(name: str, origin: str) -> ValueError:
    """Build the error for a column of texts that are no categories.

    Args:
        name: The column.
        origin: File, for messages.

    Returns:
        The error to raise.
    """
    return ValueError(
        f"{origin}: column {shown(name, 60)} holds text: expected numbers or images; for texts say "
        "--text tfidf or --encoder NAME; categories are a few texts that come again and again, "
        "dates are written 2024-01-31; leave out other columns with --drop-column"
    )


def _is_list(kind: Any) -> bool:
    types = import_extra("pyarrow").types
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _is_number(kind: Any) -> bool:
    types = import_extra("pyarrow").types
    return bool(
        types.is_integer(kind)
        or types.is_floating(kind)
        or types.is_boolean(kind)
        or types.is_decimal(kind)
        or types.is_temporal(kind)
    )


def _metadata(schema: Any, key: str, origin: str) -> dict[str, Any]:
    text = (schema.metadata or {}).get(key.encode())
    if text is None:
        return {}
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise _damaged(key, origin) from None
    if not isinstance(content, dict):
        raise _damaged(key, origin)
    return content


def _damaged(key: str, origin: str) -> ValueError:
    return ValueError(f"{origin}: its {key!r} metadata cannot be read")
