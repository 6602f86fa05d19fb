"""What dates tell: parts that come back, such as the hour, and the year."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

DATE_PARTS = ("year", "month", "day", "weekday", "seconds")
"""Of a date: month and day count from 1, weekdays from 0 for Monday, seconds from midnight."""


def date_parts(dates: NDArray[np.datetime64]) -> list[NDArray[np.float64]]:
    """Take dates apart.

    Args:
        dates: (N,) `datetime64[us]`.

    Returns:
        (N,) numbers for each of `DATE_PARTS`, NaN where there is no date.
    """
    years, months, days = (dates.astype(f"datetime64[{unit}]") for unit in "YMD")
    since_1970 = days.astype(np.int64)
    parts = [
        years.astype(np.int64) + 1970,
        (months - years.astype(months.dtype)).astype(np.int64) + 1,
        (days - months.astype(days.dtype)).astype(np.int64) + 1,
        (since_1970 + 3) % 7,
        (dates - days).astype(np.int64) / 1e6,
    ]
    return [np.where(np.isnat(dates), np.nan, part) for part in parts]
