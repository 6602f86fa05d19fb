"""What the metadata of a Parquet file says about its columns."""

from __future__ import annotations

import json
import re
from typing import Any

_UNNAMED_INDEX = re.compile(r"__index_level_\d+__")


def declared_features(schema: Any, origin: str) -> dict[str, dict[str, Any]]:
    """Read what the Hugging Face metadata of a schema says about its columns.

    Args:
        schema: ``pyarrow.Schema``.
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
        declared: From :func:`declared_features`.
        label: The label column.
        origin: File, for messages.

    Returns:
        The names by class number; ``None`` where the file does not say.

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
        schema: ``pyarrow.Schema``.
        origin: File, for messages.

    Returns:
        Their names, in the schema's order.

    Raises:
        ValueError: The metadata cannot be read.
    """
    named = _metadata(schema, "pandas", origin).get("index_columns")
    said = {name for name in named if isinstance(name, str)} if isinstance(named, list) else set()
    return tuple(name for name in schema.names if name in said or _UNNAMED_INDEX.fullmatch(name))


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
