"""The recipe of the network for tables: sizes, steps and regularisation by the size of the table.

Chosen on splits of the tables of `benchmarks.tables` that its report does not use.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

TABLE_RECIPE: dict[str, Any] = {
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
"""What does not depend on the table."""

_FEW_COLUMNS = 10
"""Up to so many columns, thousands of rows are not learned by heart: nothing is dropped, and more
steps, which are cheap then, are better."""

_STEPS_OF_FEW = 3_000

_MANY_COLUMNS = 50
"""From so many columns on, eight rows of hidden values are few to tell classes apart by."""

TABLE_DIMS = (((8, 8), (8, 8)), ((8, 16), (8, 16)), ((16, 16), (16, 16)))
"""Sizes of the hidden layers, of small tables, by default, and of many columns."""


@dataclass(frozen=True)
class _Sizes:
    """What tables of some number of rows are trained with; the fields are settings."""

    steps: int
    batch_size: int
    embedding_dim: int
    dropout: float
    weight_decay: float
    lr: float = 0.015
    linear_skip: bool = False
    dims: tuple[tuple[int, int], ...] = TABLE_DIMS[1]


_SMALL = _Sizes(200, 32, 8, 0.2, 0.6, lr=0.008, linear_skip=True, dims=TABLE_DIMS[0])
"""Of tables that soon are learned by heart, whatever the task."""

_PLAIN = replace(_SMALL, steps=400, dropout=0.1, weight_decay=0.1)
"""Of small tables whose numbers have little noise."""

SMALL_ROWS = 600
"""Up to so many training rows a table is small."""

_PLAIN_R2 = 0.55
"""From so much on that a line explains of numbers, they have little noise."""

_CLASSES = (
    (SMALL_ROWS, _SMALL),
    (2_500, _Sizes(450, 64, 8, 0.2, 0.5)),
    (12_000, _Sizes(1_000, 128, 16, 0.2, 0.5)),
    (float("inf"), _Sizes(2_500, 256, 16, 0.0, 0.02)),
)
"""Up to how many training rows, and their sizes, where classes or labels are learned."""

_NUMBERS = (
    (SMALL_ROWS, _SMALL),
    (2_500, _Sizes(900, 64, 8, 0.0, 0.02)),
    (12_000, _Sizes(2_000, 128, 16, 0.0, 0.02)),
    (float("inf"), _Sizes(2_500, 256, 16, 0.0, 0.02)),
)
"""The same where numbers are learned."""

_QUANTILES = (
    _NUMBERS[0],
    (2_500, _Sizes(900, 64, 8, 0.1, 0.1)),
    *_NUMBERS[2:],
)
"""The same where quantiles are learned: a network that knows its rows by heart has intervals that
are too narrow for others."""


def table_recipe(rows: int, columns: int, *, task: str, explained: float = 0.0) -> dict[str, Any]:
    """Choose how a table of this size is learned.

    Args:
        rows: Training rows, at least 1.
        columns: Inputs of the network: numbers and categories.
        task: Kind of the task; `"regression"` and `"quantile-regression"` learn numbers.
        explained: R2 of a line for rows that it has not seen, where it is known.

    Returns:
        Settings by name.
    """
    by_rows = {"regression": _NUMBERS, "quantile-regression": _QUANTILES}.get(task, _CLASSES)
    sizes = next(chosen for most, chosen in by_rows if rows <= most)
    if rows <= SMALL_ROWS and task == "regression" and explained >= _PLAIN_R2:
        sizes = _PLAIN
    if columns <= _FEW_COLUMNS and rows > _CLASSES[1][0] and by_rows is not _QUANTILES:
        steps = max(sizes.steps, _STEPS_OF_FEW)
        sizes = replace(sizes, steps=steps, dropout=0.0, weight_decay=0.02)
    if columns >= _MANY_COLUMNS and by_rows is _CLASSES and rows > _CLASSES[0][0]:
        sizes = replace(sizes, dims=TABLE_DIMS[2])
    return {**TABLE_RECIPE, **asdict(sizes)}
