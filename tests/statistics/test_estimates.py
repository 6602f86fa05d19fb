import math

import pytest
import torch
from scipy import special, stats

from qimlp.statistics import difference, estimate, share
from qimlp.statistics.student_t import quantile_95
from tests.correlation.example_states import random_vectors

FIRST, SECOND = [0.97, 0.975, 0.972, 0.98], [0.96, 0.95, 0.965]


def test_the_interval_is_students():
    found = estimate(FIRST)
    low, high = stats.t.interval(
        0.95, len(FIRST) - 1, loc=sum(FIRST) / len(FIRST), scale=stats.sem(FIRST)
    )
    assert (found.low, found.high) == pytest.approx((low, high))


def test_one_value_has_no_interval():
    found = estimate([0.5])
    assert (found.mean, found.half_width, found.low, found.high) == (0.5, None, 0.5, 0.5)
    assert difference([0.5], [0.4]).half_width is None


def test_a_side_of_one_value_takes_the_other_sides_spread():
    found = difference([0.99], FIRST)
    spread = stats.tstd(FIRST) * (1 + 1 / len(FIRST)) ** 0.5
    assert found.mean == pytest.approx(0.99 - sum(FIRST) / len(FIRST))
    assert found.half_width == pytest.approx(stats.t.ppf(0.975, len(FIRST) - 1) * spread)
    assert difference(FIRST, [0.99]).half_width == pytest.approx(found.half_width)
    assert found.count == 1


def test_the_difference_is_welchs():
    found = difference(FIRST, SECOND)
    spreads = stats.tstd(FIRST), stats.tstd(SECOND)
    assert (found.count, found.std) == (3, pytest.approx(math.hypot(*spreads)))
    wanted = stats.ttest_ind(FIRST, SECOND, equal_var=False).confidence_interval()
    assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high))
    assert difference([1.0, 1.0], [0.5, 0.5]).half_width == 0


def test_nothing_is_no_estimate():
    with pytest.raises(ValueError, match="at least one value"):
        estimate([])
    with pytest.raises(ValueError, match="at least one value"):
        difference([], [1.0])


def test_intervals_cover_what_they_should():
    draws = random_vectors(4000, 5, seed=1)
    inside = sum(e.low <= 0 <= e.high for e in map(estimate, draws.tolist()))
    assert 0.94 < inside / 4000 < 0.96  # five values: Student's t, not the normal
    yes = torch.rand(4000, 30, generator=torch.Generator().manual_seed(0)) < 0.2
    found = [share(hits, 30) for hits in yes.sum(1).tolist()]
    assert 0.92 < sum(e.low <= 0.2 <= e.high for e in found) / 4000 < 0.98


def test_edges_of_shares():
    assert share(0, 10).low == 0
    assert 0.2 < share(0, 10).high < 0.35
    assert share(10, 10).high == 1
    assert (share(0, 0).low, share(0, 0).high) == (0, 1)


@pytest.mark.parametrize("freedom", [0.5, 1, 1.3, 2, 2.7, 4, 9.5, 30, 200, 1e4])
def test_the_quantile_is_scipys(freedom):
    assert quantile_95(freedom) == pytest.approx(special.stdtrit(freedom, 0.975), rel=1e-11)


@pytest.mark.parametrize("freedom", [0, -1, math.nan, math.inf])
def test_no_freedom_is_refused(freedom):
    with pytest.raises(ValueError, match="degrees of freedom"):
        quantile_95(freedom)
