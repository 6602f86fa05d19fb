"""Numbers on one scale: robust against outliers, with an indicator of what was missing.

The scaling is that of RealMLP (Holzmueller, Grinsztajn and Steinwart, "Better by default: strong
pre-tuned MLPs and boosted trees on tabular data", 2024), but for columns whose quartiles coincide.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qimlp.data.tables.frames import Numbers, row_chunks
from qimlp.data.tables.quantiles import quantiles
from qimlp.data.tables.used import damaged
from qimlp.files import shown

_SAMPLE = 100_000
"""Rows that quantiles are taken from; of more rows they would differ in the third digit."""

_BLOCK_ELEMENTS = 2**24
_CLIP = 3.0
_FAR = 1e6
"""Beyond this the smooth clip is 3 to the last bit, and a square would be infinite at last."""


@dataclass(frozen=True)
class RobustScaling:
    """`s / sqrt(1 + (s / 3)^2)` with `s = (x - centre) / scale`, for each of P number columns.

    Attributes:
        centre: P medians; what is missing counts as these.
        scale: P distances between the quartiles; 0 for a constant, which is left out. Where the
            quartiles coincide, the median distance from the median of all values that differ
            from it, so that a rare 1 among zeros becomes 1.
        missing: Whether a value was missing in training: such a column gets an indicator.
    """

    centre: tuple[float, ...]
    scale: tuple[float, ...]
    missing: tuple[bool, ...]

    @property
    def width(self) -> int:
        """Number of columns that `apply` writes."""
        return sum(scale > 0 for scale in self.scale) + sum(self.missing)

    @classmethod
    def fit(
        cls, numbers: Numbers, rows: NDArray[np.int64] | None, weights: NDArray[np.float64] | None
    ) -> RobustScaling:
        """Measure training rows.

        Args:
            numbers: The columns.
            rows: The rows that count, or all of them.
            weights: (N,) weights of all rows, above 0 where they count; or None.

        Returns:
            The scaling. Quantiles are those of NumPy's method `averaged_inverted_cdf`: whole
            weights give exactly what repeated rows give.

        Raises:
            ValueError: A value is infinite; the line names row and column.
        """
        low, high, missing = _survey(numbers, rows)
        count = len(numbers) if rows is None else len(rows)
        chosen = np.arange(count)
        if count > _SAMPLE:
            chosen = np.sort(np.random.default_rng(0).choice(count, _SAMPLE, replace=False))
        chosen = chosen if rows is None else rows[chosen]
        known = None if weights is None else weights[chosen]
        centre, scale = np.empty_like(low), np.empty_like(low)
        step = max(1, _BLOCK_ELEMENTS // len(chosen))
        for first in range(0, len(low), step):
            part = slice(first, first + step)
            block = np.ascontiguousarray(numbers.block(chosen, part).T)
            centre[part], scale[part] = _measured(block, known, low[part], high[part])
        scale[~(high > low)] = 0
        centre[np.isnan(low)] = 0
        missing &= ~np.isnan(low)  # a column without any value tells nothing
        return cls(tuple(centre.tolist()), tuple(scale.tolist()), tuple(missing.tolist()))

    def tells(self, place: int) -> bool:
        """Say whether a column gives a number or an indicator.

        Args:
            place: Which column.

        Returns:
            False for a constant without missing values.
        """
        return self.scale[place] > 0 or self.missing[place]

    def select(self, parts: list[range]) -> RobustScaling:
        """Keep some columns.

        Args:
            parts: Which, in order; those of one range are missing together, and the first of them
                alone gets an indicator.

        Returns:
            Their scaling.
        """
        kept = [place for part in parts for place in part]
        firsts = {part.start for part in parts}
        return RobustScaling(
            centre=tuple(self.centre[place] for place in kept),
            scale=tuple(self.scale[place] for place in kept),
            missing=tuple(self.missing[place] and place in firsts for place in kept),
        )

    def apply(self, numbers: Numbers, out: NDArray[np.float32]) -> None:
        """Scale columns; indicators of missing values follow behind them.

        Args:
            numbers: P columns of N rows.
            out: (N, width), written to.

        Raises:
            ValueError: A value is infinite; the line names row and column.
        """
        scale = np.asarray(self.scale)
        kept = np.flatnonzero(scale > 0)
        flags = np.flatnonzero(self.missing)
        centre, scale = np.asarray(self.centre)[kept], scale[kept]
        for rows in row_chunks(len(numbers), len(self.scale)):
            block = numbers.block(rows)
            gaps = _gaps(block, numbers, rows.start)
            out[rows, len(kept) :] = 0 if gaps is None else gaps[:, flags]
            values = block.astype(np.float64) if len(kept) == len(self.scale) else block[:, kept]
            scaled = _scaled(values.astype(np.float64, copy=False), centre, scale)
            if gaps is not None:
                scaled[gaps[:, kept]] = 0
            out[rows, : len(kept)] = scaled

    def to_dict(self) -> dict[str, Any]:
        """Give plain data for JSON.

        Returns:
            The attributes by name.
        """
        return {
            "centre": list(self.centre),
            "scale": list(self.scale),
            "missing": list(self.missing),
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any], width: int) -> RobustScaling:
        """Read what `to_dict` gave.

        Args:
            stored: The attributes by name.
            width: How many columns there are.

        Returns:
            The scaling.

        Raises:
            ValueError: It is damaged.
        """
        if set(stored) != {"centre", "scale", "missing"}:
            raise damaged("centre, scale and missing", sorted(stored))
        for key, kinds in (("centre", (int, float)), ("scale", (int, float)), ("missing", (bool,))):
            values = stored[key]
            known = isinstance(values, list) and all(type(value) in kinds for value in values)
            if not known or len(values) != width:
                raise damaged(f"{key} of {width} columns", values)
        try:
            centre, scale = (tuple(map(float, stored[key])) for key in ("centre", "scale"))
        except OverflowError:
            raise damaged("numbers of 64 bits", stored["scale"]) from None
        if not all(map(isfinite, (*centre, *scale))) or min(scale, default=0.0) < 0:
            raise damaged("finite centres, and finite scales of 0 or more", stored["scale"])
        return cls(centre, scale, tuple(stored["missing"]))


def _scaled(
    values: NDArray[np.float64], centre: NDArray[np.float64], scale: NDArray[np.float64]
) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        values -= centre
        values /= scale
    np.clip(values, -_FAR, _FAR, out=values)
    found = values.astype(np.float32)
    squares = np.square(found / np.float32(_CLIP))
    squares += 1
    np.sqrt(squares, out=squares)
    found /= squares
    return found


def _gaps(block: NDArray[Any], numbers: Numbers, first: int) -> NDArray[np.bool_] | None:
    """Where values are missing; None where none is."""
    if block.dtype.kind != "f":
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        total = block.sum()
    if np.isfinite(total):
        return None
    infinite = np.isinf(block)
    if infinite.any():
        row, column = (int(places[0]) for places in np.nonzero(infinite))
        raise ValueError(
            f"row {first + row + 1}, column {shown(numbers.names[column], 60)}: expected finite "
            f"numbers or missing ones, got {block[row, column]}"
        )
    return np.asarray(np.isnan(block))


def _survey(
    numbers: Numbers, rows: NDArray[np.int64] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Lowest and highest values of columns, NaN where there is none; whether some are missing."""
    width = len(numbers.names)
    low, high = np.full(width, np.nan), np.full(width, np.nan)
    missing = np.zeros(width, dtype=np.bool_)
    for block, first in _blocks(numbers, rows):
        gaps = _gaps(block, numbers, first)
        if gaps is None:
            lowest, highest = block.min(axis=0), block.max(axis=0)
        else:
            missing |= gaps.any(axis=0)
            lowest, highest = np.fmin.reduce(block, axis=0), np.fmax.reduce(block, axis=0)
        low = np.fmin(low, lowest.astype(np.float64))
        high = np.fmax(high, highest.astype(np.float64))
    return low, high, missing


def _blocks(numbers: Numbers, rows: NDArray[np.int64] | None) -> Iterator[tuple[NDArray[Any], int]]:
    for part in row_chunks(len(numbers) if rows is None else len(rows), len(numbers.names)):
        yield numbers.block(part if rows is None else rows[part]), part.start


def _measured(
    block: NDArray[Any],
    weights: NDArray[np.float64] | None,
    low: NDArray[np.float64],
    high: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centre and scale of columns (P, n)."""
    quarter, centre, three_quarters = quantiles(block, (0.25, 0.5, 0.75), weights)
    rare = np.isnan(centre)  # all of the sample's are missing
    centre[rare] = low[rare] / 2 + high[rare] / 2
    with np.errstate(over="ignore"):
        scale = three_quarters - quarter
        flat = np.flatnonzero(~(scale > 0))
        if len(flat):
            distances = np.abs(block[flat].astype(np.float64) - centre[flat, None])
            distances[distances == 0] = np.nan
            scale[flat] = quantiles(distances, (0.5,), weights)[0]
        # the only value that differs is none of the sample's
        far = np.maximum(high - centre, centre - low)
    scale = np.where(np.isnan(scale), far, scale)
    return centre, np.minimum(scale, np.finfo(np.float64).max)
