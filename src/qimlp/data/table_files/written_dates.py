"""Dates as texts: recognised only where every value of a column is one, written alike."""

from __future__ import annotations

import re
import warnings
from typing import Any

from qimlp.data.extras import import_extra

ISO = "ISO8601"
"""The format of days such as 2024-01-31, and of times such as 2024-01-31 12:00:00+01:00."""

_ISO = re.compile(
    r"\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}([.,]\d{1,9})?)?\s?(Z|[+-]\d{2}(:?\d{2})?)?)?",
    re.ASCII,
)
_DAYS = (
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%Y/%m/%d",
    "%d.%m.%Y",
    "%m-%d-%Y",
    "%d-%m-%Y",
    "%d %b %Y",
    "%d %B %Y",
    "%b %d, %Y",
    "%B %d, %Y",
)
_TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
_LOOKS_LIKE_ONE = re.compile(r".*\d.*[-/. ].*\d.*", re.ASCII)
_TRIED = 100


def date_format(texts: Any) -> str | None:
    """Tell how the dates of a column are written.

    Args:
        texts: `pandas.Series` of texts, or missing values.

    Returns:
        The format that all of them have, or `None` where they are no dates.
    """
    values = texts.dropna().unique()
    if not len(values):
        return None
    sample = values[:_TRIED]
    if not all(len(text) <= 40 and _LOOKS_LIKE_ONE.fullmatch(text) for text in sample):
        return None
    if all(_ISO.fullmatch(text) for text in sample):
        return ISO if read_dates(values, ISO) is not None else None
    for day in _DAYS:
        for time in _TIMES:
            found = read_dates(sample, day + time)
            if found is not None and read_dates(values, day + time) is not None:
                return day + time
    return None


def read_dates(texts: Any, written: str) -> Any:
    """Read dates that are all written alike.

    Args:
        texts: `pandas.Series`, or array, of texts, or missing values.
        written: Their format.

    Returns:
        The dates without a zone (those with one as in UTC); `None` where one is no date.
    """
    pandas = import_extra("pandas")
    series = pandas.Series(texts)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            dates = pandas.to_datetime(series, format=written, utc=True)
    except (ValueError, TypeError, OverflowError):
        return None
    return dates.dt.tz_localize(None)
