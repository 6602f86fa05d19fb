"""Values that are no quantities, as codes: 1 to V of the values seen, 0 for all others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qimlp.data.tables.values import Column, Value

MOST_VALUES = 1024
"""Values of one column that get a code. Rarer ones share code 0: each would have few rows to learn
from, and a column of a million names would be a network of its own."""


def learn_values(
    column: Column, rows: NDArray[np.int64] | None, weights: NDArray[np.float64] | None
) -> tuple[Value, ...]:
    """Find the values of a category that get a code.

    Args:
        column: The column.
        rows: The rows that count, or all of them.
        weights: (N,) weights of all rows, above 0 where they count; or None.

    Returns:
        The values in order, numbers before texts; at most `MOST_VALUES`, of which each is more
        frequent than any that has none. Empty for a constant.

    Raises:
        ValueError: A number is infinite.
    """
    known, codes = column.coded()
    if rows is not None:
        codes = codes[rows]
        weights = None if weights is None else weights[rows]
    seen = codes >= 0
    shares = None if weights is None else weights[seen]
    counts = np.bincount(codes[seen], shares, len(known)).astype(np.float64)
    different = int((counts > 0).sum())
    if different < 2 and seen.all():
        return ()
    least = np.sort(counts)[-MOST_VALUES - 1] if different > MOST_VALUES else 0.0
    kept = [value for value, count in zip(known, counts.tolist(), strict=True) if count > least]
    return tuple(sorted(kept, key=lambda value: (isinstance(value, str), value)))


def codes_of(column: Column, values: Sequence[Value]) -> NDArray[np.int64]:
    """Give rows the codes of their values.

    Args:
        column: N rows.
        values: The V values that have a code. A number is also found as it is written, since a
            file may hold texts where another one holds numbers.

    Returns:
        (N,) codes: 1 to V, or 0 for a value that has none and for what is missing.

    Raises:
        ValueError: A number is infinite.
    """
    known, places = column.coded()
    codes = {value: code for code, value in enumerate(values, start=1)}
    for code, value in enumerate(values, start=1):
        codes.setdefault(str(value), code)
    found = [codes.get(value, codes.get(str(value), 0)) for value in known]
    return np.asarray([*found, 0], dtype=np.int64)[places]
