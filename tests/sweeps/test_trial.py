"""One trial: trained as a run is, judged by the dev part alone."""

import pytest

from qimlp.sweeps.plan import SweepPlan
from qimlp.sweeps.trial import PrunedError, TrialData, run_trial
from qimlp.training import TrainingData, TrainingInterrupted, fit


@pytest.fixture
def plan(settings):
    def make(**changes):
        return SweepPlan(
            settings=settings(**changes),
            space={},
            objectives=("metric", "parameters"),
            sampler="tpe",
            prune=True,
            usual={},
            metric="accuracy",
            higher_is_better=True,
            fingerprint="",
        )

    return make


def run(plan, params, data=None, on_epoch=lambda curve, parameters: None, threads=None):
    data = TrialData(plan.settings) if data is None else data
    return run_trial(plan, 3, params, data, threads=threads, on_epoch=on_epoch)


@pytest.mark.parametrize(
    "params",
    [
        {"lr": 0.02, "rank": 2, "dims": "4x4,2x4,3x1", "bias": "dense", "order": "columns"},
        {"restarts": 2, "label_smoothing": 0.1},
        {"batch_size": 16, "schedule": "cosine", "scaling": "unit"},
    ],
)
def test_a_trial_is_what_fit_makes_of_the_same_settings(plan, params, tmp_path):
    own = plan()
    trial = run(own, params)
    result = fit(own.settings_of(params), out=tmp_path)
    assert (trial.number, trial.state, trial.params, trial.reason) == (3, "complete", params, "")
    assert trial.metric == result.dev["accuracy"]
    assert trial.parameters == result.parameters
    assert trial.best_epoch == result.best_epoch
    assert list(trial.curve) == result.dev_curve


def test_trials_that_share_their_data_are_as_those_that_do_not(plan):
    own = plan()
    data = TrialData(own.settings)
    several = [{"lr": 0.02}, {"order": "spectral"}, {"rank": 3}, {"scaling": "unit"}, {"lr": 0.01}]
    for params in several:
        shared, alone = run(own, params, data), run(own, params)
        assert shared.curve == alone.curve
    first = data.prepared(own.settings)
    assert data.prepared(own.settings.replace(lr=1.0, rank=2)) is first
    assert data.prepared(own.settings.replace(scaling="none")) is not first
    patches = own.settings.replace(order="patches")
    first = data.prepared(patches)
    assert data.prepared(patches.replace(dims="2x8,3x1")) is not first


def test_the_test_part_is_not_read(plan, monkeypatch):
    monkeypatch.setattr(TrainingData, "test_batches", lambda *_: pytest.fail("the test part"))
    assert run(plan(), {}).state == "complete"


def test_a_diverged_trial_is_failed_with_the_reason(plan):
    trial = run(plan(optimizer="adamw", schedule="constant"), {"lr": 1e30})
    assert trial.state == "failed"
    assert "loss became" in trial.reason
    assert trial.parameters > 0


def test_parameters_that_do_not_go_together_are_a_failed_trial(plan):
    trial = run(plan(), {"dims": "4x4,3x3,5x1"})
    assert (trial.state, trial.metric, trial.parameters) == ("failed", None, None)
    assert trial.reason.startswith("dims go from 16 to 5 features, but the data has 16")
    trial = run(plan(), {"warm_start": "ridge", "restarts": 2})
    assert trial.reason.startswith("the settings of a trial: restarts compare random networks")


def test_a_trial_that_is_given_up_keeps_what_it_had(plan):
    seen = []

    def follow(curve, parameters):
        seen.append((list(curve), parameters))
        if len(curve) == 2:
            raise PrunedError

    trial = run(plan(), {}, on_epoch=follow)
    whole = run(plan(), {})
    assert trial.state == "pruned"
    assert trial.curve == whole.curve[:2]
    assert trial.metric == max(whole.curve[:2])
    assert seen == [(list(whole.curve[:n]), whole.parameters) for n in (1, 2)]


def test_a_trial_that_is_interrupted_is_none(plan):
    def press_ctrl_c(curve, parameters):
        import signal

        signal.raise_signal(signal.SIGTERM)

    with pytest.raises(TrainingInterrupted) as stopped:
        run(plan(), {}, on_epoch=press_ctrl_c)
    assert stopped.value.signal_number == 15
