"""One column of a table, whatever it came as: numbers, dates, or values that are categories."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from math import isinf, isnan, nan
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qimlp.files import shown

Value: TypeAlias = str | int | float | bool
"""A category as it is kept: plain data of JSON."""

Kind: TypeAlias = Literal["number", "date", "category"]

MICROSECONDS = np.dtype("datetime64[us]")

_LONGEST = 1000
"""Characters of a category that tell it from others."""

_NUMBERS = (bool, int, float, np.bool_, np.integer, np.floating, Decimal)
_DATES = (date, np.datetime64)
_SPANS = (time, timedelta)
_CONTAINERS = (list, tuple, dict, set, frozenset, bytes, bytearray, np.ndarray)


@dataclass(frozen=True, eq=False)
class Column:
    """The N values of a column.

    Attributes:
        name: Its name, for messages.
        kind: What its type says that it holds.
        values: (N,) numbers or truth values with NaN for what is missing; of dates,
            `datetime64[us]`; of categories, their places in `categories`, -1 for what is missing.
        categories: The different values of a category, in no order.
    """

    name: str
    kind: Kind
    values: NDArray[Any]
    categories: tuple[Value, ...] = ()

    def numbers(self) -> NDArray[Any]:
        """Give the values as numbers.

        Returns:
            (N,) numbers or truth values, NaN for what is missing.

        Raises:
            ValueError: A value is no number.
        """
        if self.kind == "date":
            raise ValueError(f"column {shown(self.name, 60)}: expected numbers, got dates")
        if self.kind == "number":
            return self.values
        known = [_parsed_number(value, self.name) for value in self.categories]
        return np.asarray(np.asarray([*known, nan])[self.values])

    def dates(self) -> NDArray[np.datetime64]:
        """Give the values as dates.

        Returns:
            (N,) `datetime64[us]`, NaT for what is missing.

        Raises:
            ValueError: A value is no date.
        """
        if self.kind == "date":
            return self.values
        if self.kind == "number" and np.isnan(self.values).all():
            return np.full(len(self.values), "NaT", dtype=MICROSECONDS)
        wrong = self.categories[0] if self.categories else "numbers"
        try:
            if self.kind == "category":
                known = np.asarray([*self.categories, "NaT"], dtype=MICROSECONDS)
                return np.asarray(known[self.values])
        except ValueError:
            pass  # NumPy's line says less than ours
        raise ValueError(
            f"column {shown(self.name, 60)}: expected dates such as 2026-01-31, got "
            f"{shown(wrong, 60)}"
        )

    def coded(self) -> tuple[tuple[Value, ...], NDArray[np.int64]]:
        """Give the values as categories.

        Returns:
            The different values, and the place of each row's in them (N,), -1 where it is missing.

        Raises:
            ValueError: A number is infinite.
        """
        if self.kind == "category":
            return self.categories, self.values
        found, places = np.unique(self.values, return_inverse=True)
        if self.kind == "date":
            missing = np.isnat(found)
            values: list[Any] = [str(value) for value in found[~missing]]
        else:
            missing = np.isnan(found)
            values = found[~missing].tolist()
        known = tuple(_kept(value, self.name) for value in values)
        codes = np.asarray(places, dtype=np.int64).reshape(-1)
        codes[codes >= len(known)] = -1  # NumPy sorts what is missing to the end
        return known, codes

    def texts(self) -> list[str]:
        """Give the values as texts.

        Returns:
            N texts, empty where there is none.

        Raises:
            ValueError: A number is infinite.
        """
        known, codes = self.coded()
        words = [*map(str, known), ""]
        return [words[code] for code in codes.tolist()]


def column_of(name: str, values: Any, *, categories: bool = False) -> Column:
    """Tell what a column holds.

    Args:
        name: Its name, for messages.
        values: N values: an array of NumPy, or a sequence.
        categories: Whether its own type says that they are categories.

    Returns:
        The column.

    Raises:
        TypeError: A value is no number, text, truth value or date.
        ValueError: It has another shape than (N,), or a category is infinite.
    """
    array = values if isinstance(values, np.ndarray) else None
    if array is not None and array.ndim != 1:
        raise ValueError(
            f"column {shown(name, 60)}: expected one value a row, got shape {array.shape}"
        )
    if array is not None and not categories:
        if array.dtype.kind in "biuf":
            return Column(name, "number", array)
        if array.dtype.kind == "M":
            return Column(name, "date", array.astype(MICROSECONDS))
        if array.dtype.kind == "m":
            return Column(name, "number", _seconds_of_spans(array))
        if array.dtype.kind == "c":
            raise ValueError(f"column {shown(name, 60)}: complex data is not supported")
    listed = values.tolist() if array is not None else list(values)
    return _factorized(name, listed) if categories else _told_by_values(name, listed)


def _seconds_of_spans(array: NDArray[Any]) -> NDArray[np.float64]:
    missing = np.isnat(array)
    return np.where(missing, nan, array / np.timedelta64(1, "s"))


def _told_by_values(name: str, values: list[Any]) -> Column:
    """A column of objects: what all of them are."""
    known = [value for value in values if not _is_missing(value)]
    types = set(map(type, known))
    if all(issubclass(kind, _NUMBERS) for kind in types):
        try:
            found = np.asarray(
                [nan if _is_missing(value) else float(value) for value in values], dtype=np.float64
            )
        except OverflowError:
            raise ValueError(
                f"column {shown(name, 60)}: an integer is too large for a number of 64 bits"
            ) from None
        return Column(name, "number", found)
    if all(issubclass(kind, _DATES) for kind in types):
        return Column(name, "date", _dates_of_objects(values))
    if all(issubclass(kind, _SPANS) for kind in types):
        spans = [nan if _is_missing(value) else _seconds(value) for value in values]
        return Column(name, "number", np.asarray(spans, dtype=np.float64))
    return _factorized(name, values)


def _dates_of_objects(values: Sequence[Any]) -> NDArray[np.datetime64]:
    """Local times stay what a clock showed, whatever the zone: the hour of the day tells more."""
    found: list[Any] = []
    for value in values:
        if _is_missing(value):
            found.append(None)
        else:
            found.append(value.replace(tzinfo=None) if getattr(value, "tzinfo", None) else value)
    return np.asarray(found, dtype=MICROSECONDS)


def _seconds(value: time | timedelta) -> float:
    if isinstance(value, timedelta):
        return value.total_seconds()
    return value.hour * 3600 + value.minute * 60 + value.second + value.microsecond / 1e6


def _factorized(name: str, values: Iterable[Any]) -> Column:
    places: dict[Any, int] = {}
    listed = list(values)
    try:
        first = np.fromiter(
            (places.setdefault(value, len(places)) for value in listed), np.int64, len(listed)
        )
    except TypeError:
        wrong = next(value for value in listed if isinstance(value, _CONTAINERS))
        raise _no_category(name, wrong) from None
    known: dict[Value, int] = {}
    renumbered = [
        -1 if _is_missing(value) else known.setdefault(_kept(value, name), len(known))
        for value in places
    ]
    codes = np.asarray(renumbered, dtype=np.int64)[first] if listed else first
    return Column(name, "category", codes, tuple(known))


def _no_category(name: str, value: Any) -> TypeError:
    """In scikit-learn's words, which its checks of estimators look for."""
    return TypeError(
        f"column {shown(name, 60)}: the argument must be a string or a number, not "
        f"{type(value).__name__}; got {shown(value, 60)}"
    )


def _kept(value: Any, name: str) -> Value:
    """Numbers that are whole lose their point: a column with gaps holds 1.0 where others hold 1."""
    if isinstance(value, str):
        return _kept_text(value)
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value) if abs(int(value)) < 2**63 else shown(int(value))
    if isinstance(value, float | np.floating | Decimal):
        number = float(value)
        if isinf(number):
            raise ValueError(f"column {shown(name, 60)}: expected finite numbers, got {number}")
        return int(number) if number.is_integer() and abs(number) < 2**63 else number
    if isinstance(value, _CONTAINERS):
        raise _no_category(name, value)
    return _kept_text(str(value))


def _kept_text(value: str) -> str:
    """A text that a file can hold: Unicode, and of a length that a thousand of them may have."""
    text = str(value[:_LONGEST])
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def _is_missing(value: Any) -> bool:
    if value is None or type(value).__name__ in ("NAType", "NaTType"):  # of pandas
        return True
    if isinstance(value, np.datetime64):
        return bool(np.isnat(value))
    return isinstance(value, float | np.floating | Decimal) and isnan(value)


def _parsed_number(value: Value, name: str) -> float:
    if isinstance(value, str):
        text = value.strip()
        try:
            return float(text) if text else nan
        except ValueError:
            raise ValueError(
                f"column {shown(name, 60)}: could not convert string to float: expected numbers, "
                f"got {shown(value, 60)}; is it a category?"
            ) from None
    return float(value)
