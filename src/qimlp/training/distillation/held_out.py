"""Rows of calibration data set aside to compare candidates on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from qimlp.training.distillation.teacher_batches import count, first_rows, part_of_rows

_EVERY = 8
"""Of so many batches one is held out."""


class Part:
    """A part of the batches of an iterable, gone through as they come.

    Args:
        batches: No iterator.
        held_out: Whether this is the part to compare on, or the other one.
        by_rows: Whether the last eighth of the rows of every batch is held out, where there are
            too few batches to hold some out whole.
    """

    def __init__(self, batches: Iterable[Any], *, held_out: bool, by_rows: bool) -> None:
        self._batches = batches
        self._held_out = held_out
        self._by_rows = by_rows
        found = count(batches)
        held = found // _EVERY
        self._length = found if by_rows else held if held_out else found - held

    def __len__(self) -> int:
        """Return the number of batches."""
        return self._length

    def __iter__(self) -> Iterator[Any]:
        """Iterate over the part's batches."""
        for number, batch in enumerate(self._batches, start=1):
            if self._by_rows:
                rows = first_rows(batch)
                end = rows - max(rows // _EVERY, 1)
                yield part_of_rows(batch, slice(end, rows) if self._held_out else slice(end))
            elif (number % _EVERY == 0) is self._held_out:
                yield batch


@dataclass(frozen=True)
class Split:
    """Calibration data in two parts.

    Attributes:
        fitted_on: For the fit and for tuning.
        compared_on: To compare candidates on.
        all_rows: Both.
        apart: Whether no row is in both; a single row cannot be parted.
    """

    fitted_on: Iterable[Any]
    compared_on: Iterable[Any]
    all_rows: Iterable[Any]
    apart: bool = True


def split(batches: Iterable[Any]) -> Split:
    """Set an eighth of calibration data aside: of the batches or, of a few batches, of the rows.

    Args:
        batches: Calibration data, no iterator.

    Returns:
        Both parts.
    """
    by_rows = count(batches) < _EVERY
    if by_rows and any(first_rows(batch) < 2 for batch in batches):
        return Split(batches, batches, batches, apart=False)
    fitted, compared = (Part(batches, held_out=held, by_rows=by_rows) for held in (False, True))
    return Split(fitted, compared, batches)
