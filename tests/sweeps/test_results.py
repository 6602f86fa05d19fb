"""Leaderboard and front."""

import numpy as np
import pytest

from qimlp.sweeps.results import TrialResult, pareto_front, ranked


def trial(number, metric, parameters, state="complete"):
    return TrialResult(number, state, {}, metric=metric, parameters=parameters)


@pytest.mark.parametrize("higher", [True, False])
def test_the_front_is_that_of_brute_force(higher):
    random = np.random.default_rng(0)
    for _ in range(100):
        count = int(random.integers(1, 30))
        trials = [
            trial(i, float(random.integers(0, 8)), int(random.integers(1, 9))) for i in range(count)
        ]
        sign = 1 if higher else -1

        def beats(a, b, sign=sign):
            better = sign * a.metric >= sign * b.metric and a.parameters <= b.parameters
            return better and (a.point != b.point or a.number < b.number)

        expected = [b for b in trials if not any(beats(a, b) for a in trials if a is not b)]
        front = pareto_front(trials, higher_is_better=higher)
        assert front == sorted(expected, key=lambda t: t.parameters)


def test_what_is_not_complete_is_on_neither_list():
    trials = [trial(0, 0.5, 10), trial(1, 0.9, 1, "pruned"), trial(2, None, None, "failed")]
    assert pareto_front(trials, higher_is_better=True) == trials[:1]
    assert ranked(trials, higher_is_better=True) == trials[:1]


def test_of_equally_good_trials_the_smaller_network_leads():
    trials = [trial(0, 0.9, 20), trial(1, 0.9, 10), trial(2, 0.8, 1), trial(3, 0.9, 10)]
    order = [one.number for one in ranked(trials, higher_is_better=True)]
    assert order == [1, 3, 0, 2]
    assert [one.number for one in ranked(trials, higher_is_better=False)] == [2, 1, 3, 0]
