"""Means over seeds, with 95 % intervals of Student's t."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import mean, stdev, variance

_LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean with what is known about it.

    Attributes:
        mean: The mean.
        half_width: Half of the 95 % interval; None from one value.
        count: Number of values.
    """

    mean: float
    half_width: float | None
    count: int

    @property
    def low(self) -> float | None:
        """Lower end of the interval."""
        return None if self.half_width is None else self.mean - self.half_width

    @property
    def high(self) -> float | None:
        """Upper end of the interval."""
        return None if self.half_width is None else self.mean + self.half_width


def estimate(values: Sequence[float]) -> Estimate:
    """Estimate a mean.

    Args:
        values: One or more independent values.

    Returns:
        Mean and half width of the t interval.

    Raises:
        ValueError: If there is no value.
    """
    if not values:
        raise ValueError("expected at least one value")
    count = len(values)
    if count == 1:
        return Estimate(values[0], None, 1)
    return Estimate(mean(values), _quantile(count - 1) * stdev(values) / sqrt(count), count)


def difference(first: Sequence[float], second: Sequence[float]) -> Estimate:
    """Estimate how much larger the first mean is.

    Welch's interval. Where one side has a single value, its variance is taken to be the other
    side's (Student's interval of a new value); where both have, there is no interval.

    Args:
        first: Values.
        second: Values, independent of the first.

    Returns:
        The difference; its `count` is that of the smaller side.

    Raises:
        ValueError: If there are no values.
    """
    if not first or not second:
        raise ValueError("expected at least one value on each side")
    gap = mean(first) - mean(second)
    few, many = sorted((first, second), key=len)
    if len(many) == 1:
        return Estimate(gap, None, 1)
    if len(few) == 1:
        width = stdev(many) * sqrt(1 + 1 / len(many))
        return Estimate(gap, _quantile(len(many) - 1) * width, 1)
    parts = [variance(values) / len(values) for values in (first, second)]
    if sum(parts) == 0:
        return Estimate(gap, 0.0, len(few))
    freedom = sum(parts) ** 2 / sum(
        part**2 / (len(values) - 1) for part, values in zip(parts, (first, second), strict=True)
    )
    return Estimate(gap, _quantile(freedom) * sqrt(sum(parts)), len(few))


def _quantile(freedom: float) -> float:
    """Of Student's t, for a two-sided interval."""
    from scipy import special  # noqa: PLC0415 - slow to import

    return float(special.stdtrit(freedom, (1 + _LEVEL) / 2))
