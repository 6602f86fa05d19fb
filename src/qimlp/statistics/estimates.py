"""Means of few values and shares of many, with their 95 % intervals."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import mean, stdev, variance

from qimlp.statistics.student_t import quantile_95

NORMAL_95 = 1.959964
"""Half the width of a normal 95 % interval, in standard errors."""


@dataclass(frozen=True)
class Estimate:
    """A mean and how well it is known.

    Attributes:
        mean: Of the values.
        low: Lower end of the 95 % interval of the mean. Of one value no interval is known: then
            both ends are the mean.
        high: Upper end.
        std: Sample standard deviation of the values; 0 with one value.
        count: Number of values.
    """

    mean: float
    low: float
    high: float
    std: float
    count: int

    @classmethod
    def around(cls, mean: float, half_width: float, std: float, count: int) -> "Estimate":
        """Make an estimate with the mean in the middle of its interval.

        Args:
            mean: Of the values.
            half_width: Half the width of the 95 % interval.
            std: Sample standard deviation of the values.
            count: Number of values.

        Returns:
            The estimate.
        """
        return cls(mean, mean - half_width, mean + half_width, std, count)

    @property
    def half_width(self) -> float | None:
        """Half the width of the interval; None where none is known."""
        return None if self.count == 1 and self.low == self.high else (self.high - self.low) / 2

    @property
    def standard_error(self) -> float:
        """Half the interval's width in units of the normal quantile."""
        return (self.high - self.low) / 2 / NORMAL_95


def estimate(values: Sequence[float]) -> Estimate:
    """Estimate a mean, with Student's interval.

    Args:
        values: One or more independent values.

    Returns:
        The estimate; of one value without an interval.

    Raises:
        ValueError: If there is no value.
    """
    if not values:
        raise ValueError("expected at least one value, got none")
    count = len(values)
    if count == 1:
        return Estimate.around(values[0], 0.0, 0.0, 1)
    std = stdev(values)
    return Estimate.around(mean(values), quantile_95(count - 1) * std / sqrt(count), std, count)


def difference(first: Sequence[float], second: Sequence[float]) -> Estimate:
    """Estimate how much larger the first mean is.

    Welch's interval. Where one side has a single value, its variance is taken to be the other
    side's (Student's interval of a new value); where both have, there is no interval.

    Args:
        first: Values.
        second: Values, independent of the first.

    Returns:
        The difference. Its `count` is that of the smaller side, its `std` that of a difference of
        two single values.

    Raises:
        ValueError: If there are no values.
    """
    if not first or not second:
        raise ValueError("expected at least one value on each side, got none")
    gap = mean(first) - mean(second)
    few, many = sorted((first, second), key=len)
    if len(many) == 1:
        return Estimate.around(gap, 0.0, 0.0, 1)
    if len(few) == 1:
        own = stdev(many)
        width = quantile_95(len(many) - 1) * own * sqrt(1 + 1 / len(many))
        return Estimate.around(gap, width, own * sqrt(2), 1)
    variances = [variance(values) for values in (first, second)]
    parts = [variances[0] / len(first), variances[1] / len(second)]
    std = sqrt(sum(variances))
    if std == 0:
        return Estimate.around(gap, 0.0, 0.0, len(few))
    freedom = sum(parts) ** 2 / sum(
        part**2 / (len(values) - 1) for part, values in zip(parts, (first, second), strict=True)
    )
    return Estimate.around(gap, quantile_95(freedom) * sqrt(sum(parts)), std, len(few))


def share(hits: int, count: int) -> Estimate:
    """Estimate a share of independent yes-or-no samples, with Wilson's interval.

    Args:
        hits: Samples that say yes.
        count: All samples.

    Returns:
        The estimate; without any sample 0, which may be anything from 0 to 1.
    """
    if count == 0:
        return Estimate(0.0, 0.0, 1.0, 0.0, 0)
    p, z2 = hits / count, NORMAL_95**2
    centre = (p + z2 / (2 * count)) / (1 + z2 / count)
    half = NORMAL_95 * sqrt(p * (1 - p) / count + z2 / (4 * count**2)) / (1 + z2 / count)
    low, high = max(0.0, min(centre - half, p)), min(1.0, max(centre + half, p))
    return Estimate(p, low, high, sqrt(p * (1 - p)), count)
