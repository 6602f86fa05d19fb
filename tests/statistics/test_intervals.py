import pytest
from scipy import stats

from qimlp.statistics.intervals import difference, estimate

FIRST, SECOND = [0.97, 0.975, 0.972, 0.98], [0.96, 0.95, 0.965]


def test_the_interval_is_students():
    found = estimate(FIRST)
    low, high = stats.t.interval(
        0.95, len(FIRST) - 1, loc=sum(FIRST) / len(FIRST), scale=stats.sem(FIRST)
    )
    assert (found.low, found.high) == pytest.approx((low, high))


def test_one_value_has_no_interval():
    found = estimate([0.5])
    assert (found.mean, found.half_width, found.low, found.high) == (0.5, None, None, None)
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
    wanted = stats.ttest_ind(FIRST, SECOND, equal_var=False).confidence_interval()
    assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high))
    assert difference([1.0, 1.0], [0.5, 0.5]).half_width == 0


def test_nothing_is_no_estimate():
    with pytest.raises(ValueError, match="at least one value"):
        estimate([])
    with pytest.raises(ValueError, match="at least one value"):
        difference([], [1.0])
