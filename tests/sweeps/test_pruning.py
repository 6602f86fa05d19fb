"""Which trials are given up."""

from statistics import median

import numpy as np
import optuna
import pytest

from qimlp.sweeps.pruning import Finished, is_hopeless


def random_finished(random, count, epochs):
    return [
        Finished(tuple(random.normal(size=epochs).tolist()), int(random.integers(1, 100)))
        for _ in range(count)
    ]


@pytest.mark.parametrize("higher", [True, False])
def test_with_one_objective_it_is_the_median_pruner_of_optuna(higher):
    random = np.random.default_rng(0)
    epochs, pruned = 8, 0
    for _ in range(60):
        finished = random_finished(random, int(random.integers(3, 9)), epochs)
        direction = "maximize" if higher else "minimize"
        pruner = optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=2)
        study = optuna.create_study(direction=direction, pruner=pruner)
        for one in finished:
            values = dict(enumerate(one.curve, 1))
            trial = optuna.trial.create_trial(value=0.0, intermediate_values=values)
            study.add_trial(trial)
        trial = study.ask()
        curve = []
        for epoch in range(1, epochs):
            curve.append(float(random.normal()))
            trial.report(curve[-1], epoch)
            expected = trial.should_prune()
            own = is_hopeless(
                *(curve, 10, finished),
                higher_is_better=higher,
                epochs=epochs,
                against_smaller=False,
            )
            assert own == expected
            pruned += own
    assert 20 < pruned < 200


def test_with_parameters_it_goes_by_networks_that_are_no_larger():
    random = np.random.default_rng(1)
    decided = set()
    for _ in range(200):
        finished = random_finished(random, 12, 6)
        curve, parameters = random.normal(size=3).tolist(), int(random.integers(1, 100))
        no_larger = [one.curve[2] for one in finished if one.parameters <= parameters]
        expected = len(no_larger) >= 5 and max(curve) < median(no_larger)
        own = is_hopeless(
            *(curve, parameters, finished), higher_is_better=True, epochs=6, against_smaller=True
        )
        assert own == expected
        decided.add(own)
    assert decided == {True, False}


def test_neither_the_first_quarter_nor_the_last_epoch_is_cut_off():
    finished = [Finished((1.0,) * 8, 1)] * 5
    options = {"higher_is_better": True, "epochs": 8, "against_smaller": False}
    cut = [is_hopeless([0.0] * epoch, 1, finished, **options) for epoch in range(1, 9)]
    assert cut == [False, True, True, True, True, True, True, False]
