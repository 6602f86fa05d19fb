"""The distribution of strong correlation, in bins whose number does not grow with the samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, log

import torch
from torch import Tensor

_BINS = 1000


@dataclass(frozen=True)
class Histogram:
    """Counts in bins of equal width; zero is an edge between two bins.

    Attributes:
        low: Lower edge of the first bin.
        width: Of a bin.
        counts: Samples in each bin.
    """

    low: float
    width: float
    counts: tuple[int, ...]

    def edge(self, index: int) -> float:
        """Find the lower edge of a bin.

        Args:
            index: Number of the bin, from 0; one past the last gives the upper end.

        Returns:
            The edge.
        """
        return self.low + index * self.width

    def quantile(self, q: float) -> float:
        """Find the value below which a part of the samples lies, to within a bin.

        Args:
            q: The part, from 0 to 1.

        Returns:
            The value.

        Raises:
            ValueError: If no sample was added.
        """
        total = sum(self.counts)
        if total == 0:
            raise ValueError("expected at least one sample, got none")
        wanted, seen = q * total, 0
        for index, count in enumerate(self.counts):
            if count and seen + count >= wanted:
                return self.edge(index) + self.width * (wanted - seen) / count
            seen += count
        return self.edge(len(self.counts))


class HistogramBuilder:
    """Counts strong correlation, whose range is known beforehand.

    Args:
        dims: Sizes of the bodies.
        unit: Nats in one unit.
    """

    def __init__(self, dims: Sequence[int], unit: float) -> None:
        low, high = strong_range(dims)
        self._width = (high - low) / _BINS / unit
        below = ceil(-low / unit / self._width)
        self._low = -below * self._width
        self._counts = torch.zeros(below + ceil(high / unit / self._width) + 1, dtype=torch.int64)

    def add(self, values: Tensor) -> None:
        """Count values.

        Args:
            values: Shape (n,).
        """
        bins = ((values.detach().cpu() - self._low) / self._width).floor().long()
        bins = bins.clamp(0, len(self._counts) - 1)
        self._counts += torch.bincount(bins, minlength=len(self._counts))

    def result(self) -> Histogram:
        """What was counted so far."""
        return Histogram(self._low, self._width, tuple(self._counts.tolist()))


def strong_range(dims: Sequence[int]) -> tuple[float, float]:
    """Find the bounds of the strong correlation of pure states.

    `-log M <= C <= (M - 1) * mean_m log min(d_m, d / d_m)`: the entropy of an ensemble lies
    between the mean of its parts' entropies and `log M` above it.

    Args:
        dims: Sizes of the bodies.

    Returns:
        The bounds, in nats.
    """
    whole, count = 1, len(dims)
    for size in dims:
        whole *= size
    largest = [log(min(size, whole // size)) for size in dims]
    return -log(count), max((count - 1) * sum(largest) / count, 1e-3)
