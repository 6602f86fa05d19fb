"""Train, dev and test parts of rows that are never held: told by row number alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PARTS = ("train", "dev", "test")


@dataclass(frozen=True)
class PartRule:
    """Which rows belong to a part.

    Of every `test_every` rows the last is test; of every `dev_every` other rows the last is
    dev; the rest is train.

    Attributes:
        part: `"train"`, `"dev"` or `"test"`.
        test_every: At least 2; 0 for no test rows.
        dev_every: At least 2; 0 for no dev rows.
    """

    part: str
    test_every: int = 0
    dev_every: int = 0

    def mask(self, first: int, count: int) -> NDArray[np.bool_]:
        """Tell which rows belong to the part.

        Args:
            first: Number of rows before these.
            count: Number of rows.

        Returns:
            (count,) booleans.
        """
        rows = np.arange(first, first + count)
        test = _last_of(rows, self.test_every)
        if self.part == "test":
            return test
        others = rows - rows // self.test_every if self.test_every else rows
        dev = _last_of(others, self.dev_every) & ~test
        return dev if self.part == "dev" else ~dev & ~test

    def count(self, first: int, count: int) -> int:
        """Count the rows of `mask` without making it.

        Args:
            first: Number of rows before these.
            count: Number of rows.

        Returns:
            Number of rows of the part.
        """
        return self._before(first + count) - self._before(first)

    def _before(self, rows: int) -> int:
        test = rows // self.test_every if self.test_every else 0
        dev = (rows - test) // self.dev_every if self.dev_every else 0
        return {"test": test, "dev": dev, "train": rows - test - dev}[self.part]


@dataclass(frozen=True)
class Piece:
    """One file of a part.

    Attributes:
        location: Path or address.
        first: Rows of the files before it.
        count: Rows of this part in it.
    """

    location: str
    first: int
    count: int


def pieces_of(files: Sequence[tuple[str, int]], rule: PartRule) -> list[Piece]:
    """List the files that hold rows of a part.

    Args:
        files: Locations, in order, and their numbers of rows.
        rule: Which rows belong to the part.

    Returns:
        The files with at least one row of the part.
    """
    pieces, first = [], 0
    for location, count in files:
        pieces.append(Piece(location, first, rule.count(first, count)))
        first += count
    return [piece for piece in pieces if piece.count]


def _last_of(rows: NDArray[np.int64], every: int) -> NDArray[np.bool_]:
    return rows % every == every - 1 if every else np.zeros(len(rows), dtype=bool)
