import tracemalloc
from math import prod

import pytest

from qimlp.shapes import factorizations, factorize
from qimlp.shapes.factorize import is_prime, most_balanced

_HARDEST = 963_761_198_400  # the number below 2 ** 40 with the most divisors, 6,720


def _all_pairs_of_divisors(n):
    """The ways into three sizes, by trying every pair."""
    return {
        tuple(sorted((a, b, n // a // b)))
        for a in range(1, n + 1)
        for b in range(1, n + 1)
        if n % (a * b) == 0
    }


@pytest.mark.parametrize("n", [1, 2, 12, 36, 60, 97, 128, 210])
def test_factorizations_are_complete(n):
    found = factorizations(n, 3)
    assert set(found) == _all_pairs_of_divisors(n)
    assert len(found) == len(set(found))


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("n", [1, 7, 60, 64, 360, 720, 784, 4096, 55440])
def test_a_limit_keeps_the_first(n, count):
    everything = most_balanced(n, count, None)
    assert everything.complete
    for limit in (1, 5, 40):
        searched = most_balanced(n, count, limit)
        assert searched.found == everything.found[:limit]
        assert searched.complete == (len(everything.found) <= limit)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("count", [2, 3, 4, 6, 8, 12, 24, 64])
@pytest.mark.parametrize("n", [720_720, _HARDEST, 200_560_490_130, 2**40])
def test_the_search_of_highly_composite_widths_is_bounded(n, count, monkeypatch):
    monkeypatch.setattr(factorize, "_MOST_STEPS", 10_000)  # is not needed
    searched = most_balanced(n, count, 40)
    assert len(searched.found) == 40 or searched.complete
    assert all(prod(dims) == n and len(dims) == count for dims in searched.found)
    spreads = [factorize._spread(dims) for dims in searched.found]
    assert spreads == sorted(spreads)


def test_the_search_takes_little_memory():
    most_balanced(_HARDEST, 6, 40)
    tracemalloc.start()
    most_balanced(_HARDEST, 6, 40)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * 2**20


def test_a_search_that_takes_too_many_steps_ends_and_says_so(monkeypatch):
    monkeypatch.setattr(factorize, "_MOST_STEPS", 30)
    searched = most_balanced(_HARDEST, 6, 40)
    assert not searched.complete
    assert 0 < len(searched.found) < 40
    assert all(prod(dims) == _HARDEST for dims in searched.found)


def test_primes():
    assert [n for n in range(1, 30) if is_prime(n)] == [2, 3, 5, 7, 11, 13, 17, 19, 23, 29]
