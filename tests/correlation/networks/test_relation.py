"""Accuracy against C over several networks."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest

from qimlp.correlation.networks.relation import relate
from tests.correlation.example_states import random_vectors


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
