"""Ways to write a width as a product of so many sizes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from math import isqrt, log


def is_prime(n: int) -> bool:
    """Whether `n` has no divisor but 1 and itself."""
    return n > 1 and all(n % d for d in range(2, isqrt(n) + 1))


@lru_cache(maxsize=512)
def divisors(n: int) -> tuple[int, ...]:
    """All divisors of `n`, ascending."""
    small = [d for d in range(1, isqrt(n) + 1) if n % d == 0]
    return tuple(small) + tuple(n // d for d in reversed(small) if d * d != n)


def factorizations(n: int, count: int) -> list[tuple[int, ...]]:
    """All ways to write `n` as a product of `count` sizes, each way ascending.

    Most equal sizes first, by the spread of their logarithms; sizes of 1 appear (a width may
    have no other way), and so stand last.

    Example:
        `factorizations(784, 2)[:2] == [(28, 28), (16, 49)]`
    """
    return sorted(_ascending(n, count, 1), key=lambda dims: (_spread(dims), dims))


def _ascending(n: int, count: int, least: int) -> Iterator[tuple[int, ...]]:
    if count == 1:
        yield (n,)
        return
    for d in divisors(n):
        if d < least:
            continue
        if d**count > n:
            return
        for rest in _ascending(n // d, count - 1, d):
            yield (d, *rest)


def _spread(dims: tuple[int, ...]) -> float:
    logs = [log(d) for d in dims]
    mean = sum(logs) / len(logs)
    return round(sum((x - mean) ** 2 for x in logs), 12)
