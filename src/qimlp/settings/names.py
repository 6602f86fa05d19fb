"""Names of settings over time: what a field was called before, and which fields came later."""

from collections.abc import Mapping
from typing import Any

OLD_NAMES = {
    "warm_start": "start",
    "warm_start_penalty": "start_penalty",
    "restarts": "starts",
    "restart_epochs": "start_epochs",
}
"""By the name of a field, what it was called at first; still read everywhere."""

NEW_NAMES = {old: new for new, old in OLD_NAMES.items()}
"""By the old name of a field, what it is called now."""

LATER = frozenset(
    {
        "finetune",
        "encoder_lr",
        "restarts",
        "restart_epochs",
        "warm_start",
        "warm_start_penalty",
        "dev_split",
        "optimizer",
        "terms_by",
        "task",
        "drop_columns",
        "categorical",
        "resize",
        "class_weights",
        "loss",
        "quantiles",
        "width",
        "steps",
        "ties",
        "members",
        "embedding_dim",
        "linear_skip",
    }
)
"""Fields younger than the first version; what was written without them had their default."""


def with_new_names(values: Mapping[str, Any]) -> dict[str, Any]:
    """Call every field by its present name.

    Args:
        values: Fields by name, old or new.

    Returns:
        The same values in the same order.

    Raises:
        ValueError: If a field stands there under both names.
    """
    for old, new in NEW_NAMES.items():
        if old in values and new in values:
            raise ValueError(f"{old} is the old name of {new}: give {new} alone")
    return {NEW_NAMES.get(name, name): value for name, value in values.items()}
