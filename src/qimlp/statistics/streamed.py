"""Means with 95 % intervals, from sums that do not grow with the number of samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev

import torch
from torch import Tensor

NORMAL_95 = 1.959964
# Student's t, two-sided 95 %, for 1, 2, ... 30 degrees of freedom.
_T_95 = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086),
    *(2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042),
)


@dataclass(frozen=True)
class Estimate:
    """A mean and how well it is known.

    Attributes:
        mean: Of the values.
        low: Lower end of the 95 % interval of the mean.
        high: Upper end.
        std: Sample standard deviation of the values; 0 with one value.
        count: Number of values.
    """

    mean: float
    low: float
    high: float
    std: float
    count: int

    @property
    def standard_error(self) -> float:
        """Half the interval's width in units of the normal quantile."""
        return (self.high - self.low) / 2 / NORMAL_95


def of_few(values: Sequence[float]) -> Estimate:
    """Mean of a few independent values, with Student's interval.

    One value gets an interval without width; `count` says so.
    """
    mean = fmean(values)
    if len(values) < 2:
        return Estimate(mean, mean, mean, 0.0, len(values))
    std = stdev(values)
    quantile = _T_95[len(values) - 2] if len(values) - 2 < len(_T_95) else NORMAL_95
    half = quantile * std / sqrt(len(values))
    return Estimate(mean, mean - half, mean + half, std, len(values))


def share(hits: int, count: int) -> Estimate:
    """A share of independent yes-or-no samples, with Wilson's interval."""
    if count == 0:
        return Estimate(0.0, 0.0, 1.0, 0.0, 0)
    p, z2 = hits / count, NORMAL_95**2
    centre = (p + z2 / (2 * count)) / (1 + z2 / count)
    half = NORMAL_95 * sqrt(p * (1 - p) / count + z2 / (4 * count**2)) / (1 + z2 / count)
    low, high = max(0.0, min(centre - half, p)), min(1.0, max(centre + half, p))
    return Estimate(p, low, high, sqrt(p * (1 - p)), count)


class Moments:
    """Means and variances of several columns, updated chunk by chunk (Chan's formula).

    Args:
        columns: Number of columns.
    """

    def __init__(self, columns: int) -> None:
        self.count = 0
        self._mean = torch.zeros(columns, dtype=torch.float64)
        self._squares = torch.zeros(columns, dtype=torch.float64)

    def add(self, values: Tensor) -> None:
        """Add rows.

        Args:
            values: Shape `(n, columns)`.
        """
        if len(values) == 0:
            return
        values = values.detach().to("cpu", torch.float64)
        mean = values.mean(0)
        squares = (values - mean).square().sum(0)
        total = self.count + len(values)
        shift = mean - self._mean
        self._squares += squares + shift.square() * (self.count * len(values) / total)
        self._mean += shift * (len(values) / total)
        self.count = total

    def estimates(self) -> list[Estimate]:
        """One estimate per column, with normal intervals.

        Raises:
            ValueError: No rows yet.
        """
        if self.count == 0:
            raise ValueError("expected at least one sample, got none")
        variances = self._squares / max(self.count - 1, 1)
        result = []
        for mean, variance in zip(self._mean.tolist(), variances.tolist(), strict=True):
            half = NORMAL_95 * sqrt(variance / self.count)
            result.append(Estimate(mean, mean - half, mean + half, sqrt(variance), self.count))
        return result
