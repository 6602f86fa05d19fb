"""Where what a call holds lies in one static array, so that the array is as short as it can be.

A mode product is done in place: each row of a body is copied out, and its results take the room of
what was read (in ascending order where a body shrinks or stays, in descending order where it
grows). So a layer of rank 1 needs the larger of its input and output, and one row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Needs:
    """What one layer holds, in elements or bytes.

    Attributes:
        before: Its input; 0 where that lies elsewhere.
        between: One copy of what is between its steps, at most; 0 for a single step.
        behind: Its output; 0 where that lies elsewhere.
        copies: Copies held at a time.
        apart: Whether copies are computed one after the other, each added to the output: input and
            output are held throughout then. Else the first copy lies where input and output do.
        row: The longest row that is copied out.
    """

    before: int
    between: int
    behind: int
    copies: int = 1
    apart: bool = False
    row: int = 0

    @property
    def cell(self) -> int:
        """Room for the input, the output and the first copy between, one after the other."""
        return max(self.before, self.between, self.behind)

    @property
    def total(self) -> int:
        """All that the layer holds."""
        if self.apart:
            return self.before + self.between + self.behind + self.row
        return self.cell + (self.copies - 1) * self.between + self.row


@dataclass(frozen=True)
class Places:
    """Where one layer's needs lie.

    Attributes:
        before: Of the input.
        behind: Of the output; the same where copies are not apart.
        between: Of the copies between the steps that do not lie where the input does.
        row: Of the row.
    """

    before: int
    behind: int
    between: int
    row: int


def place(layers: Sequence[Needs]) -> tuple[list[Places], int]:
    """Place the needs of layers that follow each other.

    Args:
        layers: Of the network; the output of one is the input of the next.

    Returns:
        The places for each layer, and the length of the array.
    """
    cells = _cells(layers)
    number, totals, found = 0, [], []
    for layer in layers:
        low, high = (number, number + 1) if number % 2 == 0 else (number + 1, number)
        if layer.apart:
            at_low = layer.before if low == number else layer.behind
            at_high = cells[high]
            number += 1
        else:
            at_low, at_high = (layer.cell, 0) if low == number else (0, cells[high])
        row = at_low + (layer.between if layer.apart else (layer.copies - 1) * layer.between)
        found.append((number, at_low, row))
        totals.append(row + layer.row + at_high)
    total = max(totals)
    starts = [0 if cell % 2 == 0 else total - size for cell, size in enumerate(cells)]
    places = [
        Places(starts[n - 1 if layer.apart else n], starts[n], between, row)
        for layer, (n, between, row) in zip(layers, found, strict=True)
    ]
    return places, total


def _cells(layers: Sequence[Needs]) -> list[int]:
    """Sizes of the rooms at the two ends by turns; layers whose copies are apart change ends."""
    cells = [0]
    for layer in layers:
        if layer.apart:
            cells[-1] = max(cells[-1], layer.before)
            cells.append(layer.behind)
        else:
            cells[-1] = max(cells[-1], layer.cell)
    return cells
