import pytest

from qimlp.data import load
from qimlp.training import NonFiniteLossError, fit, fit_stacked, resolve_settings
from qimlp.training.runs.folder import RunFolder


@pytest.fixture(scope="module")
def digits():
    return load("digits", streaming=False)


def make(**changes):
    quick = {"data": "digits", "epochs": 3, "device": "cpu", "threads": 1}
    return resolve_settings({**quick, **changes})


@pytest.mark.parametrize(
    ("recipe", "order"), [("tuned", "none"), ("tuned", "patches"), ("paper", "none")]
)
def test_a_stack_does_what_single_runs_do(digits, tmp_path, recipe, order):
    common = {"recipe": recipe, "order": order, "dims": "4x16,4x16,2x5"}
    runs = [make(seed=seed, lr=lr, **common) for seed in (0, 1) for lr in (0.003, 0.01)]
    for run in fit_stacked(runs, digits):
        out = tmp_path / f"{run.settings.lr}"
        alone = fit(run.settings, out=out, loaded=digits)
        curve = [epoch.dev["accuracy"] for epoch in run.epochs]
        assert curve == pytest.approx(alone.dev_curve, abs=0.009)  # 3 of 287 examples
        metrics = RunFolder(alone.folder).read_metrics()
        losses = [(epoch.train_loss, epoch.dev["loss"]) for epoch in run.epochs]
        for own, single in zip(losses, metrics, strict=True):
            assert own == pytest.approx((single["train_loss"], single["dev"]["loss"]), rel=0.01)
        assert run.parameters == alone.parameters
        assert run.best_epoch == curve.index(max(curve)) + 1
        assert run.test["accuracy"] == pytest.approx(alone.test["accuracy"], abs=0.02)


def test_a_stack_goes_on_from_the_starts_that_single_runs_choose(digits, tmp_path):
    common = {"dims": "4x16,4x16,2x5", "starts": 3, "start_epochs": 2, "lr": 0.003}
    for run in fit_stacked([make(seed=seed, **common) for seed in (0, 1)], digits):
        alone = fit(run.settings, out=tmp_path, loaded=digits)
        metrics = RunFolder(alone.folder).read_metrics()
        # Of three starts the losses of this epoch differ by a few per cent or more.
        assert [epoch.train_loss for epoch in run.epochs] == pytest.approx(
            [epoch["train_loss"] for epoch in metrics], rel=0.005
        )


def test_runs_of_a_stack_differ(digits):
    runs = [make(seed=seed, lr=lr, watch_test=True) for seed in (0, 1) for lr in (0.003, 0.01)]
    parts = []
    found = fit_stacked(runs, digits, parts.append)
    assert len({tuple(epoch.dev["loss"] for epoch in run.epochs) for run in found}) == len(runs)
    assert parts == pytest.approx([1 / 3, 2 / 3, 1])
    for run in found:
        best = run.epochs[run.best_epoch - 1].test
        assert run.test == pytest.approx(best)


def test_a_diverging_run_is_said(digits):
    with pytest.raises(NonFiniteLossError, match="epoch 1"):
        fit_stacked([make(lr=1e30)], digits)


def test_runs_of_other_shapes_are_refused(digits):
    with pytest.raises(ValueError, match="seed and lr only, these differ in rank"):
        fit_stacked([make(), make(rank=2)], digits)
    with pytest.raises(ValueError, match="a stack trains multi-body networks"):
        fit_stacked([make(model="mlp")], digits)
    with pytest.raises(ValueError, match="at least one run"):
        fit_stacked([], digits)
