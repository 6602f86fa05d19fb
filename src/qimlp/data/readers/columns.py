"""Which columns of a table hold the features and which the label."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

from qimlp.data.extras import import_extra
from qimlp.data.readers.error_messages import listed

DEFAULT_LABEL = "label"


@dataclass(frozen=True)
class Columns:
    """Roles of a table's columns.

    Attributes:
        image: Column of encoded images, if there is one: it alone holds the features.
        features: Columns of numbers that hold the features, when there is no image.
        label: Label column, or ``None`` for unlabelled data.
        class_names: Names of the classes, where the file says.
    """

    image: str | None
    features: tuple[str, ...]
    label: str | None
    class_names: tuple[str, ...] | None

    @property
    def read(self) -> list[str]:
        """Columns to read."""
        features = self.features if self.image is None else (self.image,)
        return [*features, *([self.label] if self.label is not None else [])]


def pick_label(
    names: list[str], label_column: str | None, origin: str, *, labels_required: bool
) -> str | None:
    """Find the label column.

    Args:
        names: The table's columns.
        label_column: The user's choice, ``"label"`` by default.
        origin: File, for messages.
        labels_required: Whether unlabelled data is an error.

    Returns:
        The label column, or ``None`` where the data has none and needs none.

    Raises:
        ValueError: Column names repeat, or the label column is missing.
    """
    repeated = sorted(name for name, count in Counter(names).items() if count > 1)
    if repeated:
        raise ValueError(f"{origin}: column names must differ, these repeat: {listed(repeated)}")
    wanted = DEFAULT_LABEL if label_column is None else label_column
    if wanted in names:
        return wanted
    if labels_required:
        raise ValueError(
            f"{origin}: has no label column {wanted!r}; its columns are {listed(names)}: "
            "name the one that holds the labels (--label-column)"
        )
    return None


def columns_of(
    schema: Any, label_column: str | None, origin: str, *, labels_required: bool
) -> Columns:
    """Read the roles of columns off an Arrow schema and its Hugging Face metadata.

    Args:
        schema: ``pyarrow.Schema``.
        label_column: The user's choice, ``"label"`` by default.
        origin: File, for messages.
        labels_required: Whether unlabelled data is an error.

    Returns:
        The roles. Beside an image column, columns other than the label are left unread.

    Raises:
        ValueError: The label column is missing, a feature column does not hold numbers, there are
            several image columns or there is no feature column.
    """
    label = pick_label(list(schema.names), label_column, origin, labels_required=labels_required)
    declared = declared_features(schema, origin)
    names = declared.get(label or "", {}).get("names")
    class_names = tuple(str(name) for name in names) if names else None
    features = [field for field in schema if field.name != label]
    images = [field.name for field in features if _is_image(field, declared)]
    if len(images) > 1:
        raise ValueError(f"{origin}: expected one image column, got {listed(images)}")
    if images:
        return Columns(images[0], (), label, class_names)
    if not features:
        raise ValueError(f"{origin}: has no feature column beside the label column {label!r}")
    for field in features:
        _check_numeric(field, origin)
    return Columns(None, tuple(field.name for field in features), label, class_names)


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
    text = (schema.metadata or {}).get(b"huggingface")
    if text is None:
        return {}
    try:
        declared = json.loads(text).get("info", {}).get("features") or {}
        return {name: kind for name, kind in declared.items() if isinstance(kind, dict)}
    except (ValueError, AttributeError) as error:
        raise ValueError(f"{origin}: its 'huggingface' metadata cannot be read") from error


def _is_image(field: Any, declared: dict[str, dict[str, Any]]) -> bool:
    types = import_extra("pyarrow").types
    if declared.get(field.name, {}).get("_type") == "Image":
        return True
    if types.is_struct(field.type):
        return bool(field.type.get_field_index("bytes") >= 0)
    return bool(types.is_binary(field.type) or types.is_large_binary(field.type))


def _check_numeric(field: Any, origin: str) -> None:
    types = import_extra("pyarrow").types
    kind = field.type
    if types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind):
        return
    if types.is_string(kind) or types.is_large_string(kind):
        raise ValueError(
            f"{origin}: column {field.name!r} holds text: expected numbers or images; for texts "
            "say --text tfidf or --encoder NAME"
        )
    raise ValueError(f"{origin}: column {field.name!r} has type {kind}: expected numbers or images")
