"""Ways to write a width as a product of so many sizes."""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass, field
from functools import lru_cache
from math import inf, log
from typing import NamedTuple

Dims = tuple[int, ...]

_MOST_STEPS = 100_000  # sizes looked at in one search: less than a second
_ROUNDING = 1e-9  # far above the error of a sum of squared logarithms, far below a difference


def is_prime(n: int) -> bool:
    """Whether `n` has no divisor but 1 and itself."""
    return len(_divisors(n)) == 2


@dataclass(frozen=True)
class Factorizations:
    """Factorisations of a width, the most balanced first.

    Attributes:
        found: The factorisations, each ascending.
        complete: Whether there are no others; where the search did not see, `False`.
    """

    found: tuple[Dims, ...]
    complete: bool


def factorizations(n: int, count: int, limit: int | None = None) -> list[Dims]:
    """List the ways to write `n` as a product of `count` sizes, each way ascending.

    The most equal sizes come first, by the spread of their logarithms; sizes of 1 appear (a width
    may have no other way), and so stand last.

    Args:
        n: The width.
        count: Number of sizes.
        limit: How many ways to return at most; `None` for all. A width with very many divisors
            has more of them than memory holds.

    Returns:
        Tuples of `count` sizes.

    Example:
        `factorizations(784, 2)[:2] == [(28, 28), (16, 49)]`
    """
    return list(most_balanced(n, count, limit).found)


def most_balanced(n: int, count: int, limit: int | None) -> Factorizations:
    """Search the factorisations for the most balanced ones, in bounded time where limited.

    Only the best so far are held, and sizes that cannot lead to a better one are not followed, so
    that a width with millions of factorisations takes no longer than one with hundreds. Should a
    search look at more than 100,000 sizes nevertheless, it ends with the best that it met.

    Args:
        n: The width.
        count: Number of sizes.
        limit: How many to keep; `None` for all, however long that takes.

    Returns:
        What `factorizations` returns, and whether it is all there is.
    """
    search = _Search(_divisors(n), limit)
    search.visit(search.divisors[-1], count, (), 0.0)
    return Factorizations(tuple(dims for _, dims in search.best), not search.left_out)


class _Divisor(NamedTuple):
    """A divisor of the width, with what bounds the sizes that it can be split into.

    Attributes:
        size: The divisor.
        log: Its logarithm.
        prime: Its largest prime factor; 1 of 1. One of the sizes is at least as large.
        squares: Sum of the squared logarithms of its prime factors. That of the sizes is at least
            as large, for `log(a * b) ** 2` is never below `log(a) ** 2 + log(b) ** 2`.
    """

    size: int
    log: float
    prime: int
    squares: float


@lru_cache(maxsize=64)
def _divisors(n: int) -> tuple[_Divisor, ...]:
    """All divisors of `n`, ascending."""
    found = [(1, 1, 0.0)]
    for prime, power in _prime_powers(n):
        square = log(prime) ** 2
        found += [
            (size * prime**times, prime, squares + times * square)
            for size, _, squares in found
            for times in range(1, power + 1)
        ]
    return tuple(
        _Divisor(size, log(size), prime, squares) for size, prime, squares in sorted(found)
    )


def _prime_powers(n: int) -> list[tuple[int, int]]:
    """The prime factors of `n`, ascending, each with its power."""
    powers, prime = [], 2
    while prime * prime <= n:
        power = 0
        while n % prime == 0:
            n, power = n // prime, power + 1
        if power:
            powers.append((prime, power))
        prime += 1
    return powers if n == 1 else [*powers, (n, 1)]


@dataclass
class _Search:
    """A search from the largest size down, the most balanced sizes first.

    Attributes:
        divisors: Those of the width, ascending.
        limit: How many factorisations to keep.
        best: Those kept, in order, each with its spread.
        steps: Sizes looked at so far.
        left_out: Whether a factorisation was dropped or not followed.
    """

    divisors: tuple[_Divisor, ...]
    limit: int | None
    best: list[tuple[float, Dims]] = field(default_factory=list)
    steps: int = 0
    left_out: bool = False
    _index: dict[int, _Divisor] = field(init=False)
    _worst: float = inf  # sum of squared logarithms beyond which nothing is kept

    def __post_init__(self) -> None:
        self._index = {divisor.size: divisor for divisor in self.divisors}

    def visit(self, rest: _Divisor, count: int, larger: Dims, squares: float) -> None:
        """Split what is left of the width, no size above those chosen.

        Args:
            rest: What is left.
            count: Number of sizes to split it into.
            larger: The sizes chosen so far, ascending; the next one goes in front.
            squares: Sum of their squared logarithms.
        """
        if count == 1:
            self._keep((rest.size, *larger))
            return
        # The largest of the sizes is at least their geometric mean, and less balanced the larger.
        mean = rest.log / count - _ROUNDING
        for chosen in self.divisors[bisect_left(self.divisors, mean, key=lambda d: d.log) :]:
            if chosen.size > (larger[0] if larger else rest.size):
                return
            if chosen.size < rest.prime or rest.size % chosen.size:
                continue
            self.steps += 1
            smaller, sum_of_squares = self._index[rest.size // chosen.size], squares + chosen.log**2
            if sum_of_squares + smaller.log**2 / (count - 1) > self._worst or self._is_over():
                self.left_out = True
                return
            if sum_of_squares + smaller.squares > self._worst:
                self.left_out = True
            else:
                self.visit(smaller, count - 1, (chosen.size, *larger), sum_of_squares)

    def _is_over(self) -> bool:
        return self.limit is not None and self.steps > _MOST_STEPS and bool(self.best)

    def _keep(self, dims: Dims) -> None:
        insort(self.best, (_spread(dims), dims))
        if self.limit is None or len(self.best) < self.limit:
            return
        if len(self.best) > self.limit:
            self.best.pop()
            self.left_out = True
        self._worst = sum(log(size) ** 2 for size in self.best[-1][1]) + _ROUNDING


def _spread(dims: Dims) -> float:
    logs = [log(d) for d in dims]
    mean = sum(logs) / len(logs)
    return round(sum((x - mean) ** 2 for x in logs), 12)
