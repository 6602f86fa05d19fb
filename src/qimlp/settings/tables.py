"""The recipe of the network for tables: sizes, steps and regularisation by the number of rows."""

from __future__ import annotations

from typing import Any

TABLE_RECIPE: dict[str, Any] = {
    "lr": 0.015,
    "betas": (0.9, 0.98),
    "schedule": "one-cycle",
    "ema_decay": 0.99,
    "rank": 1,
    "members": 4,
    "epochs": 20,
    "ties": "loss",
    "dev_fraction": 0.1,
    "scaling": "none",  # it is done with the columns
}
"""What does not depend on the number of rows."""

_SKIP_ROWS = 600
"""Up to so many rows a linear model is added."""

_SIZES = ("steps", "batch_size", "embedding_dim", "dropout", "weight_decay")

_BY_ROWS: tuple[tuple[float, tuple[float, ...]], ...] = (
    (600, (400, 32, 8, 0.2, 0.3)),
    (2_500, (900, 64, 8, 0.1, 0.1)),
    (12_000, (1_500, 128, 16, 0.0, 0.02)),
    (float("inf"), (2_500, 256, 16, 0.0, 0.02)),
)
"""Up to how many training rows, and their `_SIZES`."""


def table_recipe(rows: int) -> dict[str, Any]:
    """Choose how a table of so many rows is learned.

    Args:
        rows: Training rows, at least 1.

    Returns:
        Settings by name.
    """
    sizes = next(chosen for most, chosen in _BY_ROWS if rows <= most)
    by_rows = dict(zip(_SIZES, sizes, strict=True))
    return {**TABLE_RECIPE, **by_rows, "linear_skip": rows <= _SKIP_ROWS}
