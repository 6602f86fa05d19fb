"""The form of a table's page: a field for each column, with a range to move in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, isfinite, log10
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_FIELDS = 1000
"""Of one page; nobody fills in more."""
_APART = 2.0**-40  # of a number, so that those around it are others
_STEPS = 100
TRUTHS = ("no", "yes")
"""Names of 0 and 1 of a column of truth values."""


@dataclass(frozen=True)
class Span:
    """Where the values of a column lie.

    Attributes:
        low: Lowest that a slider gives.
        high: Highest.
        middle: Where it starts.
        whole: Whether values are whole numbers.
    """

    low: float
    high: float
    middle: float
    whole: bool = False

    @classmethod
    def of(cls, values: NDArray[Any]) -> Span | None:
        """Measure values of a column.

        Args:
            values: Numbers; those that are not finite are left aside.

        Returns:
            From the first to the 99th percentile, with the median; None where there is no value.
        """
        known = values[np.isfinite(values)].astype(np.float64)
        if not len(known):
            return None
        low, middle, high = np.quantile(known, (0.01, 0.5, 0.99), method="nearest").tolist()
        if low == high:
            low, high = float(known.min()), float(known.max())
        return cls(low, high, middle, bool((known == np.floor(known)).all()))

    def field(self, name: str, at: int, *, optional: bool) -> dict[str, Any]:
        """Describe the field of a number.

        Args:
            name: Of the column.
            at: Its place among the raw values.
            optional: Whether it may be left empty.

        Returns:
            Data for the page, on round numbers.
        """
        low, high = self.low, self.high
        if not low < high:
            around = max(1.0, abs(low) * _APART)
            low, high = low - around, low + around
        step = 10.0 ** floor(log10((high - low) / _STEPS)) if isfinite(high - low) else 1.0
        step = max(step, 1.0) if self.whole else step
        digits = max(0, -floor(log10(step)))
        low, high = (
            round(floor(low / step) * step, digits),
            round(-floor(-high / step) * step, digits),
        )
        middle = round(round(self.middle / step) * step, digits)
        return {
            "name": name,
            "at": at,
            "min": low,
            "max": high,
            "step": step,
            "value": middle,
            "optional": optional,
        }


def select(
    name: str,
    at: int | list[int],
    labels: Sequence[str],
    values: Sequence[float],
    start: int,
    *,
    optional: bool,
) -> dict[str, Any]:
    """Describe the field of a category.

    Args:
        name: Of the column.
        at: Its place among the raw values, or that of the feature of each value, which is 1 where
            the value is chosen.
        labels: Names of the values.
        values: What stands for each among the raw values.
        start: Which is chosen at the beginning.
        optional: Whether none may be chosen.

    Returns:
        Data for the page.
    """
    return {
        "name": name,
        "at": at,
        "options": list(labels),
        "values": list(values),
        "value": values[start],
        "optional": optional,
    }


def plain_fields(
    names: Sequence[str],
    width: int,
    scaling: tuple[str, NDArray[Any], NDArray[Any]],
    rows: NDArray[Any] | None,
) -> list[dict[str, Any]]:
    """Make the form of a network on numbers.

    Args:
        names: Of the raw features; empty where they have none.
        width: Their number.
        scaling: Its kind, and shift and scale of raw features.
        rows: Raw examples of shape (n, width), or None.

    Returns:
        A field for each number; features `column=value` that lie side by side are one category.
    """
    names = names or [f"Feature {i + 1}" for i in range(width)]
    fields: list[dict[str, Any]] = []
    i = 0
    while i < width:
        column, _, first = names[i].partition("=")
        last = i + 1
        while first and last < width and names[last].startswith(column + "="):
            last += 1
        if last - i > 1 and (rows is None or np.isin(rows[:, i:last], (0, 1)).all()):
            places = list(range(i, last))
            labels = [name[len(column) + 1 :] for name in names[i:last]]
            start = 0 if rows is None else int(rows[:, i:last].sum(axis=0).argmax())
            fields.append(select(column, places, labels, places, start, optional=True))
            i = last
            continue
        span = None if rows is None else Span.of(rows[:, i])
        fields.append((span or _learned(*scaling, i)).field(names[i], i, optional=False))
        i += 1
    return fields


def _learned(kind: str, shift: NDArray[Any], scale: NDArray[Any], i: int) -> Span:
    """The range of a feature as far as its scaling knows it."""
    centre, spread = (float(v[i % len(v)]) for v in (shift, scale))
    if kind == "unit":
        return Span(centre, centre + spread, centre + spread / 2)
    wide = 1.0 if kind == "symmetric" else 2.5
    return Span(centre - wide * spread, centre + wide * spread, centre)
