"""Large numbers close together, such as time stamps: shifted in float64 before they are float32.

1.7e9 seconds and one second more are one number in float32. So a feature that rounding to float32
would blur is read as its difference from an offset, which is learned once and kept with the run.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Number: TypeAlias = float | int
"""An offset: an `int` where it may be beyond what float64 holds exactly."""

BLURRED = 2.0**-10
"""A feature is shifted where rounding to float32 moves a value by more than this part of the
feature's standard deviation. All other features are read as they are, bit for bit."""

_FEWEST_COUNTED = 10
"""Rows below which a constant step says nothing."""
_SAME_STEP = 1e-6


def minus(values: NDArray[Any], offset: Number) -> NDArray[np.float64]:
    """Subtract an offset exactly, as far as float64 can hold the difference.

    Args:
        values: Integers or floats of any size and shape.
        offset: What to subtract.

    Returns:
        The differences, of the same shape.
    """
    if values.dtype.kind not in "iu" or offset == 0:
        return values.astype(np.float64) - float(offset)
    whole = math.floor(offset)
    # Modulo 2**64 the difference of integers is exact; where it does not fit, float64 is enough.
    wrapped = (values.astype(np.uint64) - np.uint64(whole % 2**64)).view(np.int64)
    rough = values.astype(np.float64) - float(whole)
    difference = np.where(np.abs(rough) < 2.0**62, wrapped.astype(np.float64), rough)
    return difference - float(offset - whole)


def shift_into(target: NDArray[np.float32], values: NDArray[Any], offset: Number) -> None:
    """Write numbers as float32, shifted where there is an offset.

    Args:
        target: Where to; of the shape of `values`.
        values: Integers, floats or booleans.
        offset: What to subtract first; 0 for none.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        target[...] = values if offset == 0 else minus(values, offset)


def centred(values: NDArray[Any], offsets: Sequence[Number]) -> NDArray[np.float32]:
    """Turn rows into float32, each feature shifted by its offset.

    Args:
        values: (N, F) integers, floats or booleans.
        offsets: F numbers, or none where nothing is shifted.

    Returns:
        (N, F); a value too large becomes infinite.

    Raises:
        ValueError: The number of offsets is not that of the features.
    """
    if not offsets:
        with np.errstate(over="ignore"):
            return np.ascontiguousarray(values, dtype=np.float32)
    if values.shape[1] != len(offsets):
        raise ValueError(f"expected {len(offsets)} features, got {values.shape[1]}")
    result = np.empty(values.shape, dtype=np.float32)
    for column, offset in enumerate(offsets):
        shift_into(result[:, column], values[:, column], offset)
    return result


def learn_offsets(values: NDArray[Any]) -> tuple[Number, ...]:
    """Find the offsets that the features of an array need.

    Args:
        values: (N, F) integers, floats or booleans.

    Returns:
        F numbers, 0 for a feature that stays as it is; none at all where none is shifted.
    """
    return offsets_of(survey_columns(values))


def survey_columns(values: NDArray[Any]) -> list[Survey]:
    """Look at every feature of an array.

    Args:
        values: (N, F) integers, floats or booleans.

    Returns:
        F surveys.
    """
    surveys = []
    for column in values.T:
        surveys.append(Survey())
        surveys[-1].add(column)
    return surveys


def offsets_of(surveys: Sequence[Survey]) -> tuple[Number, ...]:
    """Gather the offsets of several features.

    Args:
        surveys: One of each feature.

    Returns:
        F numbers, 0 for a feature that stays as it is; none at all where none is shifted.
    """
    offsets = tuple(survey.offset for survey in surveys)
    return offsets if any(offsets) else ()


class Survey:
    """What one feature is like, from all its values seen once, a part at a time."""

    def __init__(self) -> None:
        self.count = 0
        self._base: Number = 0
        self._last = self._step = self._mean = self._squares = self._error = 0.0
        self._low = self._high = 0.0
        self._steady = self._rising = self._whole = True

    def add(self, values: NDArray[Any]) -> None:
        """Take in further values.

        Args:
            values: (N,) integers, floats or booleans, in the order of the rows.
        """
        if not len(values):
            return
        if values.dtype.kind == "b":
            values = values.astype(np.uint8)
        if not self.count:
            self._base = values[0].item()
            if not math.isfinite(self._base):
                self._base = 0
        with np.errstate(over="ignore", invalid="ignore"):
            relative = minus(values, self._base)
            self._follow(relative)
            self._measure(relative)
            self._error = max(self._error, _rounding(values))
        self.count += len(values)

    @property
    def offset(self) -> Number:
        """What to subtract: a number amid the values, or 0 where float32 holds them well enough."""
        deviation = math.sqrt(max(self._squares, 0.0) / max(self.count, 1))
        known = math.isfinite(self._error) and math.isfinite(deviation) and deviation > 0
        if not known or self._error <= BLURRED * deviation:
            return 0
        if isinstance(self._base, int):
            return self._base + round(self._mean)
        return self._base + self._mean

    @property
    def counts_rows(self) -> bool:
        """Whether every value is one and the same step from that of the row before."""
        return self._steady and self._step != 0 and self.count >= _FEWEST_COUNTED

    @property
    def rises(self) -> bool:
        """Whether values rise by whole numbers in every row, as a row number with gaps does."""
        return self._rising and self.count >= _FEWEST_COUNTED

    @property
    def numbers_rows(self) -> bool:
        """Whether the values are as many whole numbers in a row, in whatever order.

        As row numbers of rows that were shuffled are. Told by their range and their variance, so
        that no value has to be remembered.
        """
        squares = self.count * (self.count**2 - 1) / 12
        return (
            self._whole
            and self.count >= _FEWEST_COUNTED
            and self._high - self._low == self.count - 1
            and math.isclose(self._squares, squares, rel_tol=1e-9)
        )

    @property
    def beginning(self) -> str:
        """The first values of a feature that counts rows, for a message."""
        step = round(self._step) if isinstance(self._base, int) else self._step
        return ", ".join(f"{self._base + step * row:.15g}" for row in range(3)) + ", ..."

    def _follow(self, relative: NDArray[np.float64]) -> None:
        if not self._steady and not self._rising:
            return
        steps = np.diff(relative, prepend=self._last) if self.count else np.diff(relative)
        if len(steps) and not self._step:
            self._step = float(steps[0])
        tolerance = _SAME_STEP * abs(self._step)
        self._steady &= bool((np.abs(steps - self._step) <= tolerance).all())
        self._rising &= bool(((steps > 0) & (steps == np.floor(steps))).all())
        self._last = float(relative[-1])

    def _measure(self, relative: NDArray[np.float64]) -> None:
        """Range, mean and sum of squares over all parts, after Chan, Golub and LeVeque."""
        self._whole &= bool((relative == np.floor(relative)).all())
        self._low = min(self._low, float(relative.min()))  # of the first value: 0
        self._high = max(self._high, float(relative.max()))
        number, mean = len(relative), float(relative.mean())
        total, distance = self.count + number, mean - self._mean
        squares = float(np.square(relative - mean).sum())
        self._squares += squares + distance * distance * self.count * number / total
        self._mean += distance * number / total


def _rounding(values: NDArray[Any]) -> float:
    """By how much float32 misses a value, at most."""
    if values.dtype.kind == "f" and values.dtype.itemsize <= 4:
        return 0.0
    exact = values.astype(np.float64)
    missed = np.abs(exact - values.astype(np.float32).astype(np.float64))
    if values.dtype.kind in "iu":  # beyond 2**53 float64 misses it, too
        missed += np.where(np.abs(exact) > 2.0**53, np.spacing(np.abs(exact)), 0.0)
    return float(missed.max())
