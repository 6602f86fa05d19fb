"""Quantiles of columns, with weights and missing values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def quantiles(
    columns: NDArray[Any], levels: Sequence[float], weights: NDArray[np.float64] | None = None
) -> list[NDArray[np.float64]]:
    """Take quantiles by NumPy's method `averaged_inverted_cdf`; missing values are passed over.

    Args:
        columns: (P, n) numbers, NaN for what is missing.
        levels: Levels above 0 and below 1.
        weights: (n,) weights above 0; whole ones count as that many rows.

    Returns:
        For each level (P,) quantiles, NaN where a column has no values. They depend on neither
        the order of the rows nor the unit of the weights.
    """
    if weights is not None:
        return _weighted(columns, levels, weights)
    ordered = np.sort(columns, axis=1)
    counts = ordered.shape[1] - _missing(ordered)
    return [_between(ordered, counts, np.ceil(counts * q) - 1, counts * q) for q in levels]


def _missing(columns: NDArray[Any]) -> NDArray[np.int64]:
    if columns.dtype.kind != "f":
        return np.zeros(len(columns), dtype=np.int64)
    return np.asarray(np.isnan(columns).sum(axis=1))


def _between(
    ordered: NDArray[Any], counts: NDArray[Any], lower: NDArray[Any], upper: NDArray[Any]
) -> NDArray[np.float64]:
    """The middle of two places in each column."""
    rows = np.arange(len(ordered))
    last = np.maximum(counts - 1, 0)
    ends = [ordered[rows, np.clip(place.astype(np.int64), 0, last)] for place in (lower, upper)]
    return np.asarray(ends[0].astype(np.float64) / 2 + ends[1].astype(np.float64) / 2)


def _weighted(
    columns: NDArray[Any], levels: Sequence[float], weights: NDArray[np.float64]
) -> list[NDArray[np.float64]]:
    by_weight = np.argsort(weights, kind="stable")  # equal values are added up in one order
    columns, weights = columns[:, by_weight], weights[by_weight]
    found = np.full((len(levels), len(columns)), np.nan)
    for place, column in enumerate(columns):
        order = np.argsort(column, kind="stable")
        order = order[: len(order) - int(_missing(column[None])[0])]
        if not len(order):
            continue
        ordered, reached = column[order], np.cumsum(weights[order])
        for level, q in enumerate(levels):
            goal = q * reached[-1]
            ends = [np.searchsorted(reached, goal, side) for side in ("left", "right")]
            values = ordered[np.minimum(ends, len(order) - 1)].astype(np.float64)
            found[level, place] = values[0] / 2 + values[1] / 2
    return list(found)
