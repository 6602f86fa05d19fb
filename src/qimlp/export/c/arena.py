"""Where each buffer lies in one static array, so that the array is as short as it can be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Buffers:
    """What one layer reads and writes.

    Attributes:
        sizes: Of the input, of what is behind each step, of the output; 0 for what lies elsewhere.
        apart: Whether input and output are both held throughout, see `Plan.apart`.
    """

    sizes: tuple[int, ...]
    apart: bool = False

    @property
    def most_held(self) -> int:
        """Length of the array that the layer needs."""
        if self.apart:
            return self.sizes[0] + self.sizes[-1] + _most_between(self.sizes[1:-1])
        return max(a + b for a, b in pairwise(self.sizes))


def place(layers: Sequence[Buffers]) -> tuple[list[tuple[int, ...]], int]:
    """Place the buffers of layers that follow each other.

    Each step's input and output lie at opposite ends of the array, so that it is as long as the
    largest two together; what lies between an input and an output that are both held lies between
    them.

    Args:
        layers: Of the network; the output of one is the input of the next.

    Returns:
        The offset of each buffer of each layer, and the length of the array, both in the unit of
        the sizes.
    """
    total = max(layer.most_held for layer in layers)
    placed = []
    low = True  # the end at which the present layer's input lies
    for layer in layers:
        offsets = _apart(layer, total, low) if layer.apart else _chain(layer, total, low)
        placed.append(offsets)
        flips = 1 if layer.apart else len(layer.sizes) - 1
        low ^= flips % 2 == 1
    return placed, total


def _most_between(sizes: Sequence[int]) -> int:
    """Of what is made step by step, the largest two neighbours together."""
    return max([sizes[0], *(a + b for a, b in pairwise(sizes))])


def _chain(layer: Buffers, total: int, low: bool) -> tuple[int, ...]:
    ends = [low ^ (place % 2 == 1) for place in range(len(layer.sizes))]
    return tuple(0 if end else total - size for end, size in zip(ends, layer.sizes, strict=True))


def _apart(layer: Buffers, total: int, low: bool) -> tuple[int, ...]:
    first, *between, last = layer.sizes
    start, stop = (first, total - last) if low else (last, total - first)
    middle = [start if place % 2 == 0 else stop - size for place, size in enumerate(between)]
    outer = (0, total - last) if low else (total - first, 0)
    return (outer[0], *middle, outer[1])
