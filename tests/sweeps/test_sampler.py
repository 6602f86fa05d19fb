"""What a trial is depends on its number and the finished trials alone."""

import optuna
import pytest

from qimlp.sweeps.sampler import SeededSampler, require_sampler
from qimlp.sweeps.space import Choices, Range, draw

SPACE = {
    "lr": Range(1e-4, 1e-1, log=True),
    "rank": Range(1, 8, log=True, whole=True),
    "dropout": Range(0.0, 0.5),
    "bias": Choices(("kronecker", "dense", None)),
}


def study(kind, *, seed=0, usual=()):
    return optuna.create_study(
        directions=["maximize", "minimize"], sampler=SeededSampler(kind, seed, dict(usual))
    )


def run(own, trials):
    drawn = []
    for _ in range(trials):
        trial = own.ask()
        params = draw(trial, SPACE)
        drawn.append(params)
        own.tell(trial, [-((params["lr"] - 0.01) ** 2), params["rank"]])
    return drawn


@pytest.mark.parametrize("kind", ["tpe", "random"])
def test_the_same_seed_draws_the_same(kind):
    first = run(study(kind), 14)
    assert first == run(study(kind), 14)
    assert first != run(study(kind, seed=1), 14)
    assert len({params["lr"] for params in first}) == 14
    for params in first:
        assert 1e-4 <= params["lr"] <= 1e-1
        assert params["rank"] in range(1, 9)
        assert 0 <= params["dropout"] <= 0.5
        assert params["bias"] in SPACE["bias"].values


@pytest.mark.parametrize("kind", ["tpe", "random"])
def test_a_trial_that_is_begun_again_draws_the_rest_as_it_would_have(kind):
    expected = run(study(kind), 13)
    own = study(kind)
    run(own, 12)
    own.ask().suggest_float("lr", 1e-4, 1e-1, log=True)  # and is killed
    found = optuna.trial.Trial(own, own.trials[12]._trial_id)
    assert draw(found, SPACE) == expected[12]


def test_random_trials_do_not_depend_on_those_before():
    own = study("random")
    for _ in range(5):
        own.ask()
    assert draw(own.ask(), SPACE) == run(study("random"), 6)[5]


def test_trial_0_has_the_usual_values():
    usual = {"lr": 0.02, "bias": "dense"}
    first, second = run(study("tpe", usual=usual), 2)
    assert usual.items() <= first.items()
    assert second["lr"] != 0.02


def test_an_unknown_sampler_is_refused():
    with pytest.raises(ValueError, match="unknown sampler 'tpee'; did you mean 'tpe'"):
        require_sampler("tpee")
