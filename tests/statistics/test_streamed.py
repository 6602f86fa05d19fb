"""Intervals, streaming moments, histograms."""

import math
from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
import torch

from qimlp.correlation.networks.answers import verdict
from qimlp.correlation.networks.histogram import HistogramBuilder, strong_range
from qimlp.correlation.networks.relation import relate
from qimlp.statistics.streamed import Estimate, Moments, of_few, share
from tests.correlation.example_states import random_vectors


def test_moments_do_not_depend_on_the_chunks():
    values = random_vectors(1000, 2) * torch.tensor([1.0, 1e-3]) + torch.tensor([5.0, 1e3])
    moments = Moments(2)
    for chunk in values.split([1, 0, 99, 500, 400]):
        moments.add(chunk)
    for column, estimate in enumerate(moments.estimates()):
        own = values[:, column]
        assert estimate.mean == pytest.approx(float(own.mean()), rel=1e-12)
        assert estimate.std == pytest.approx(float(own.std()), rel=1e-9)
        half = 1.959964 * float(own.std()) / math.sqrt(1000)
        assert estimate.high - estimate.mean == pytest.approx(half, rel=1e-6)
        assert estimate.count == 1000
    with pytest.raises(ValueError, match="expected at least one sample"):
        Moments(1).estimates()


def test_intervals_cover_what_they_should():
    draws = random_vectors(4000, 5, seed=1)
    inside = sum(e.low <= 0 <= e.high for e in map(of_few, draws.tolist()))
    assert 0.94 < inside / 4000 < 0.96  # five values: Student's t, not the normal
    yes = torch.rand(4000, 30, generator=torch.Generator().manual_seed(0)) < 0.2
    found = [share(hits, 30) for hits in yes.sum(1).tolist()]
    assert 0.92 < sum(e.low <= 0.2 <= e.high for e in found) / 4000 < 0.98


def test_edges_of_shares():
    assert share(0, 10).low == 0
    assert 0.2 < share(0, 10).high < 0.35
    assert share(10, 10).high == 1
    assert (share(0, 0).low, share(0, 0).high) == (0, 1)
    assert of_few([3.0]).count == 1
    assert of_few([3.0]).low == of_few([3.0]).high == 3


def test_verdicts():
    assert verdict(Estimate(0.15, 0.1, 0.2, 1.0, 9)) == "more"
    assert verdict(Estimate(-0.15, -0.2, -0.1, 1.0, 9)) == "less"
    assert verdict(Estimate(0.05, -0.1, 0.2, 1.0, 9)) == "no clear difference"
    assert verdict(of_few([0.3])) == "no clear difference"  # one value has no interval


@pytest.mark.parametrize("dims", [(2, 2), (28, 28), (3, 5), (2, 3, 4)])
def test_histogram_has_zero_as_an_edge_and_loses_nothing(dims):
    builder = HistogramBuilder(dims, unit=1.0)
    low, high = strong_range(dims)
    values = torch.linspace(low, high, 5001, dtype=torch.float64)
    for part in values.split(1000):
        builder.add(part)
    histogram = builder.result()
    assert sum(histogram.counts) == 5001
    zero = -histogram.low / histogram.width
    assert zero == pytest.approx(round(zero), abs=1e-9)
    assert histogram.edge(len(histogram.counts)) >= high
    for q in (0.05, 0.5, 0.95):
        assert histogram.quantile(q) == pytest.approx(
            low + q * (high - low), abs=2 * histogram.width
        )


def test_relation_of_two_quantities():
    x = list(range(8))
    rising = relate(x, [v**3 for v in x])
    assert rising.spearman == pytest.approx(1)
    assert 0.8 < rising.pearson < 1
    assert rising.pearson_low > 0
    falling = relate(x, [-v for v in x])
    assert falling.pearson_high < 0
    assert max(rising.p_value, falling.p_value) < 0.01
    noise = random_vectors(2, 30, seed=3).tolist()
    unclear = relate(*noise)
    assert unclear.pearson_low < 0 < unclear.pearson_high
    assert unclear.p_value > 0.05
    assert relate([1, 2, 3], [1, 2, 3]) is None
    assert relate([1, 1, 1, 1], [1, 2, 3, 4]) is None
    assert relate([1, 2, 2, 3], [1, 2, 2, 3]).spearman == pytest.approx(1)
    with pytest.raises(ValueError, match="expected as many values"):
        relate([1, 2], [1])


def test_relation_within_kinds_leaves_out_what_differs_between_them():
    kinds = [kind for kind in "abcd" for _ in range(3)]
    between = [float(3 * "abcd".index(kind)) for kind in kinds]
    falling = [0.0, 1.0, 2.0] * 4
    x = [b + f for b, f in zip(between, falling, strict=True)]
    y = [b - f for b, f in zip(between, falling, strict=True)]
    assert relate(x, y).pearson > 0.5
    within = relate(x, y, kinds=kinds)
    assert within.pearson == pytest.approx(-1)
    assert within.pearson_high < -0.99
    assert within.p_value < 0.01
    shuffled = np.random.default_rng(0).permutation(len(x))
    again = relate(
        [x[i] for i in shuffled], [y[i] for i in shuffled], kinds=[kinds[i] for i in shuffled]
    )
    assert again.pearson == pytest.approx(-1)


def test_relation_within_kinds_needs_four_networks_that_are_not_alone():
    x, y = [1.0, 2.0, 3.0, 9.0, 8.0], [1.0, 3.0, 2.0, 7.0, 9.0]
    assert relate(x, y, kinds=["a", "a", "a", "b", "c"]) is None
    assert relate(x, y, kinds=["a", "a", "a", "b", "b"]).count == 5
    assert relate(x, y, kinds=["one"] * 5) == relate(x, y)
    assert relate([1, 1, 2, 2], [1, 2, 3, 4], kinds=["a", "a", "b", "b"]) is None
    with pytest.raises(ValueError, match="expected as many values"):
        relate(x, y, kinds=["a"])


def test_few_networks_are_compared_with_all_orders_of_them():
    x, y = [0.0, 1.0, 2.0, 5.0, 3.0], [1.0, 3.0, 2.0, 4.0, 5.0]
    seen = abs(np.corrcoef(x, y)[0, 1])
    orders = [abs(np.corrcoef(x, order)[0, 1]) for order in permutations(y)]
    expected = np.mean([r >= seen - 1e-9 for r in orders])
    assert relate(x, y).p_value == pytest.approx(expected)
    assert relate([0, 1, 2, 5], [0, 1, 2, 5]).p_value == pytest.approx(1 / 24)


@pytest.mark.parametrize(
    ("p_value", "words"),
    [(0.0002, "p < 0.001"), (0.0042, "p = 0.004"), (0.0399, "p = 0.04"), (1.0, "p = 1.00")],
)
def test_a_small_p_is_never_called_zero(p_value, words):
    found = relate([1, 2, 3, 4], [1, 2, 3, 4])
    assert replace(found, p_value=p_value).p_words == words
