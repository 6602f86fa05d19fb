"""Regression against torch and scikit-learn, in the targets' own units."""

from statistics import NormalDist

import numpy as np
import pytest
import torch
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score
from torch.nn.functional import huber_loss, mse_loss

from qimlp.tasks import LossOptions, Quantiles, Regression, task_from_dict

NAMES = ("height", "weight")
LOSSES = {False: mse_loss, True: huber_loss}


def targets(count=50, seed=0):
    random = torch.Generator().manual_seed(seed)
    drawn = torch.randn(count, 2, generator=random, dtype=torch.float64)
    return drawn * torch.tensor([3.0, 1e-3]) + torch.tensor([1.7e9, 5.0])


def fitted(huber=False):
    return Regression.of(NAMES).fitted(targets(), LossOptions(huber=huber))


def test_targets_are_standardised_in_double_precision():
    task = fitted()
    prepared = task.prepare(targets())
    assert prepared.dtype == torch.float32
    torch.testing.assert_close(prepared.mean(0), torch.zeros(2), atol=1e-4, rtol=0)
    torch.testing.assert_close(prepared.std(0, correction=0), torch.ones(2), atol=1e-3, rtol=0)
    torch.testing.assert_close(task.answers(prepared), targets(), rtol=1e-12, atol=1e-6)


@pytest.mark.parametrize("huber", [False, True])
def test_loss_and_gradient_are_torchs(huber):
    task = fitted(huber)
    wanted = task.prepare(targets())
    outputs = torch.randn(50, 2, generator=torch.Generator().manual_seed(1)).requires_grad_()
    expected = LOSSES[huber](outputs, wanted)
    expected.backward()
    loss, gradient = task.loss_and_gradient(outputs.detach(), wanted)
    assert torch.equal(loss, expected.detach())
    assert torch.equal(gradient, outputs.grad)
    runs = task.losses_of_runs(outputs.detach().view(2, 25, 2), wanted.view(2, 25, 2))
    each = [LOSSES[huber](outputs[i : i + 25], wanted[i : i + 25]) for i in (0, 25)]
    torch.testing.assert_close(runs, torch.stack(each).detach())


@pytest.mark.parametrize("robust", [False, True])
def test_weights_count_as_repetition(robust):
    times = torch.arange(50) % 4
    options = LossOptions(huber=True, robust=robust)
    found = Regression.of(NAMES).fitted(targets(), options, times.double())
    expected = Regression.of(NAMES).fitted(targets().repeat_interleave(times, 0), options)
    assert found.shift == pytest.approx(expected.shift, rel=1e-14)
    assert found.scale == pytest.approx(expected.scale, rel=1e-9)
    with pytest.raises(ValueError, match="weights: expected at least one"):
        Regression.of(NAMES).fitted(targets(), options, torch.zeros(50))


def test_targets_whose_spread_overflows_are_refused():
    for values in ([[1e200], [-1e200]], [[1e308], [-1.7e308]]):
        with pytest.raises(
            ValueError, match=r"targets: expected numbers whose squares are finite, got 1"
        ):
            Regression.of(("x",)).fitted(torch.tensor(values, dtype=torch.float64), LossOptions())


def test_robust_units_are_median_and_quartiles():
    values = torch.tensor([[1.0], [2.0], [3.0], [4.0], [1e9]], dtype=torch.float64)
    task = Regression.of(("x",)).fitted(values, LossOptions(robust=True))
    assert task.shift == (3.0,)
    assert task.scale == pytest.approx((2 / (2 * NormalDist().inv_cdf(0.75)),))
    mostly_one = torch.tensor([[0.0]] * 9 + [[5.0]], dtype=torch.float64)
    task = Regression.of(("x",)).fitted(mostly_one, LossOptions(robust=True))
    assert (task.shift, task.scale) == ((0.0,), (1.5,))
    constant = Regression.of(("x",)).fitted(values[:1], LossOptions(robust=True))
    assert (constant.shift, constant.scale) == ((1.0,), (1.0,))


def test_metrics_are_scikit_learns():
    task = fitted()
    wanted = task.prepare(targets(seed=3))
    outputs = wanted + 0.3 * torch.randn(50, 2, generator=torch.Generator().manual_seed(2))
    tally = task.tally(torch.device("cpu"))
    for rows in (slice(0, 17), slice(17, 50)):
        tally.add(outputs[rows], wanted[rows])
    found = tally.evaluation(tally.sums())
    true, answered = task.answers(wanted).numpy(), task.answers(outputs).numpy()
    for column, score in enumerate(found.scores):
        pair = true[:, column], answered[:, column]
        assert score.r2 == pytest.approx(r2_score(*pair), abs=1e-6)
        assert score.rmse == pytest.approx(np.sqrt(mean_squared_error(*pair)), rel=1e-5)
        assert score.mae == pytest.approx(mean_absolute_error(*pair), rel=1e-5)
    assert found.metrics["r2"] == pytest.approx(sum(score.r2 for score in found.scores) / 2)
    assert found.loss == pytest.approx(float(mse_loss(outputs, wanted)))
    assert found.examples == 50


def test_a_target_that_never_varies_has_nothing_to_explain():
    constant = torch.full((9, 1), 4.0, dtype=torch.float64)
    task = Regression.of(("x",)).fitted(constant, LossOptions())
    tally = task.tally(torch.device("cpu"))
    tally.add(torch.full((9, 1), 0.5), task.prepare(constant))
    (score,) = tally.evaluation(tally.sums()).scores
    assert (score.r2, score.rmse, score.mae) == (0.0, 0.5, 0.5)


def test_the_best_epoch_has_the_lowest_loss():
    task = fitted()
    assert task.is_better({"loss": 2.0}, [])
    assert task.is_better({"loss": 1.0}, [{"loss": 2.0}])
    assert not task.is_better({"loss": 2.0}, [{"loss": 2.0}])


def test_decisions_have_a_column_for_each_target():
    task, one = fitted(), Regression.of(("x",))
    answers = task.answers(torch.zeros(3, 2))
    assert task.decide(answers).shape == (3, 2)
    assert list(task.columns(answers)) == list(NAMES)
    assert one.decide(one.answers(torch.zeros(3, 1))).shape == (3,)


def test_a_linear_model_is_ridge_on_standardised_targets():
    task = fitted()
    random = torch.Generator().manual_seed(0)
    inputs = torch.randn(50, 3, generator=random, dtype=torch.float64)
    mixed = inputs @ torch.randn(3, 2, generator=random, dtype=torch.float64)
    weight, bias = task.fit_linear(inputs, mixed, penalty=1e-9, model="ridge", intercept=True)
    torch.testing.assert_close(inputs @ weight.T + bias, mixed, rtol=1e-6, atol=1e-6)
    assert task.sharpness(mixed, mixed) == 1.0
    with pytest.raises(ValueError, match="expected ridge for regression"):
        task.fit_linear(inputs, mixed, penalty=0.3, model="svm", intercept=True)


def test_quantiles_are_a_task_of_their_own():
    found = Regression.of(NAMES).fitted(targets(), LossOptions(quantiles=(0.1, 0.9)))
    assert found == Quantiles.of(NAMES, (0.1, 0.9)).fitted(targets(), LossOptions())


def test_it_comes_back_from_plain_data():
    assert task_from_dict(fitted().to_dict()) == fitted()


def test_options_of_classification_are_refused():
    with pytest.raises(ValueError, match="class_weights are for classification"):
        Regression.of(NAMES).fitted(targets(), LossOptions(balanced=True))


def test_nothing_to_evaluate():
    tally = fitted().tally(torch.device("cpu"))
    with pytest.raises(ValueError, match="at least one example with its target"):
        tally.evaluation(tally.sums())
