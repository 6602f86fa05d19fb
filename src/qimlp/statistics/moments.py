"""Means and variances of values that stream by, in memory that does not grow with them."""

from math import sqrt

import torch
from torch import Tensor

from qimlp.statistics.estimates import NORMAL_95, Estimate


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
            values: Shape (n, columns), n may be 0.
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
        """Estimate the mean of every column, with normal intervals.

        Returns:
            One estimate per column.

        Raises:
            ValueError: If no rows were added.
        """
        if self.count == 0:
            raise ValueError("expected at least one sample, got none")
        variances = self._squares / max(self.count - 1, 1)
        return [
            Estimate.around(
                mean, NORMAL_95 * sqrt(variance / self.count), sqrt(variance), self.count
            )
            for mean, variance in zip(self._mean.tolist(), variances.tolist(), strict=True)
        ]
