"""The quantile of Student's t distribution that 95 % intervals need, without SciPy."""

from functools import cache
from math import exp, inf, lgamma, log

_OUTSIDE = 0.05
_TINY = 1e-300


@cache
def quantile_95(freedom: float) -> float:
    """Find the t between whose negative and itself a Student-distributed number lies in 95 %.

    Args:
        freedom: Degrees of freedom, whole or not, at least 0.5.

    Returns:
        The quantile to about 13 digits: 12.7 for one degree, 1.96 for many.

    Raises:
        ValueError: If `freedom` is less than 0.5 or not finite.
    """
    if not 0.5 <= freedom < inf:
        raise ValueError(f"expected degrees of freedom from 0.5, got {freedom}")
    low, high = 0.0, 1e3
    while low < (middle := (low + high) / 2) < high:
        if _two_tails(middle, freedom) > _OUTSIDE:
            low = middle
        else:
            high = middle
    return middle


def _two_tails(t: float, freedom: float) -> float:
    """How often a number lies outside of -t to t."""
    whole = freedom + t * t
    return _incomplete_beta(freedom / whole, t * t / whole, freedom / 2, 0.5)


def _incomplete_beta(x: float, rest: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b); `rest` is 1 - x without cancellation."""
    if x > (a + 1) / (a + b + 2):  # the continued fraction of the other side converges faster
        return 1 - _incomplete_beta(rest, x, b, a)
    log_beta = lgamma(a) + lgamma(b) - lgamma(a + b)
    return exp(a * log(x) + b * log(rest) - log_beta) / a * _fraction(x, a, b)


def _fraction(x: float, a: float, b: float) -> float:
    """Its continued fraction, by Lentz's method (Press et al., Numerical Recipes, 6.4)."""
    above, below = 1.0, 1 / _apart_from_zero(1 - (a + b) * x / (a + 1))
    value, k = below, 1
    while True:
        even = k * (b - k) * x / ((a + 2 * k - 1) * (a + 2 * k))
        odd = -(a + k) * (a + b + k) * x / ((a + 2 * k) * (a + 2 * k + 1))
        step = 1.0
        for term in (even, odd):
            below = 1 / _apart_from_zero(1 + term * below)
            above = _apart_from_zero(1 + term / above)
            step = below * above
            value *= step
        if abs(step - 1) < 1e-15 or k > 10_000:
            return value
        k += 1


def _apart_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
