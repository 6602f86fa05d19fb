"""Quantiles that never cross, against scikit-learn and the normal distribution."""

from statistics import NormalDist

import numpy as np
import pytest
import torch
from sklearn.metrics import mean_absolute_error, mean_pinball_loss, r2_score

from qimlp.tasks import LossOptions, Quantiles, task_from_dict

NAMES = ("height", "weight")
LEVELS = (0.05, 0.25, 0.5, 0.9)


def targets(count=60, seed=0):
    random = torch.Generator().manual_seed(seed)
    drawn = torch.randn(count, 2, generator=random, dtype=torch.float64)
    return drawn * torch.tensor([3.0, 1e-3]) + torch.tensor([1.7e5, 5.0])


def fitted(levels=LEVELS):
    return Quantiles.of(NAMES, levels).fitted(targets(), LossOptions())


def outputs(count=60, seed=1, levels=LEVELS):
    random = torch.Generator().manual_seed(seed)
    return torch.randn(count, 2 * len(levels), generator=random, dtype=torch.float64)


def evaluated(task, answered, wanted):
    tally = task.tally(torch.device("cpu"))
    for rows in (slice(0, 17), slice(17, len(wanted))):
        tally.add(answered[rows], wanted[rows])
    return tally.evaluation(tally.sums())


@pytest.mark.parametrize("levels", [LEVELS, (0.5,), (0.9,), (0.1, 0.2), (0.6, 0.7, 0.99)])
def test_quantiles_never_cross(levels):
    task = fitted(levels)
    for scale in (1e-3, 1.0, 100.0, 1e6):
        answers = task.answers((scale * outputs(levels=levels)).float())
        ordered = answers.view(60, 2, len(levels))
        assert bool((ordered.diff(dim=-1) >= 0).all())


def test_outputs_of_zero_are_quantiles_of_the_normal_distribution():
    task = Quantiles.of(("x",), LEVELS)
    found = task.answers(torch.zeros(1, 4))[0].tolist()
    assert found == pytest.approx([NormalDist().inv_cdf(level) for level in LEVELS], abs=1e-6)


def test_the_output_nearest_to_the_median_is_that_quantile():
    task = fitted()
    drawn = outputs()
    assert torch.equal(task.values(drawn)[..., 2], drawn.view(60, 2, 4)[..., 2])
    assert fitted((0.1, 0.4, 0.8)).middle == 1
    assert fitted((0.7, 0.8)).middle == 0


def test_the_loss_is_scikit_learns_pinball_loss():
    task = fitted()
    drawn, wanted = outputs(), task.prepare(targets(seed=3)).double()
    values = task.values(drawn).numpy()
    expected = [
        mean_pinball_loss(wanted[:, t], values[:, t, q], alpha=level)
        for t in range(2)
        for q, level in enumerate(LEVELS)
    ]
    assert float(task.loss(drawn, wanted)) == pytest.approx(np.mean(expected), rel=1e-12)
    runs = task.losses_of_runs(drawn.view(2, 30, 8), wanted.view(2, 30, 2))
    each = [task.loss(drawn[i : i + 30], wanted[i : i + 30]) for i in (0, 30)]
    torch.testing.assert_close(runs, torch.stack(each))


def test_the_gradient_is_right_and_reaches_every_output():
    task = fitted()
    drawn, wanted = outputs(7), task.prepare(targets(7, seed=3)).double()
    assert torch.autograd.gradcheck(
        lambda o: task.loss(o, wanted), drawn.requires_grad_(), eps=1e-6
    )
    loss, gradient = task.loss_and_gradient(drawn.detach(), wanted)
    assert torch.equal(loss, task.loss(drawn, wanted).detach())
    assert torch.equal(gradient, torch.autograd.grad(task.loss(drawn, wanted), drawn)[0])
    assert bool((gradient != 0).all())


def test_constant_outputs_learn_the_quantiles_of_the_data():
    values = targets(999)
    task = Quantiles.of(NAMES, LEVELS).fitted(values, LossOptions())
    wanted, one = task.prepare(values), torch.zeros(1, 8, requires_grad=True)
    optimizer = torch.optim.Adam([one], lr=0.05)
    for step in range(400):
        optimizer.param_groups[0]["lr"] = 0.05 * (1 - step / 400)
        optimizer.zero_grad()
        task.loss(one.expand(999, 8), wanted).backward()
        optimizer.step()
    shares = evaluated(task, one.detach().expand(999, 8), wanted).scores
    for score in shares:
        assert score.at_or_below == pytest.approx(LEVELS, abs=0.01)
        assert score.coverage == pytest.approx(0.85, abs=0.015)


def test_metrics_are_scikit_learns_in_the_targets_own_units():
    task = fitted()
    true = targets(seed=3)
    wanted, drawn = task.prepare(true), 0.3 * outputs().float()
    found = evaluated(task, drawn, wanted)
    answers = task.answers(drawn).view(60, 2, 4).numpy()
    for column, score in enumerate(found.scores):
        target, own = true[:, column].numpy(), answers[:, column]
        losses = [mean_pinball_loss(target, own[:, q], alpha=a) for q, a in enumerate(LEVELS)]
        assert score.pinball == pytest.approx(np.mean(losses), rel=1e-5)
        assert score.coverage == ((own[:, 0] <= target) & (target <= own[:, 3])).mean()
        assert score.at_or_below == tuple((target[:, None] <= own).mean(0))
        assert score.middle.r2 == pytest.approx(r2_score(target, own[:, 2]), abs=1e-5)
        assert score.middle.mae == pytest.approx(mean_absolute_error(target, own[:, 2]), rel=1e-5)
    assert list(found.metrics) == ["loss", *(metric.name for metric in Quantiles.metrics)]
    assert found.metrics["coverage"] == sum(score.coverage for score in found.scores) / 2
    assert found.loss == pytest.approx(float(task.loss(drawn, wanted)))
    titles, rows = found.table()
    assert [len(row) for row in rows] == [len(titles)] * 2
    assert found.to_dict()["per_target"][1]["target"] == "weight"


def test_the_coverage_of_one_quantile_is_the_share_at_or_below():
    task = Quantiles.of(("x",), (0.9,))
    found = evaluated(task, torch.zeros(20, 1), torch.arange(-5.0, 15.0).unsqueeze(1))
    assert found.metrics["coverage"] == 6 / 20


def test_answers_go_target_by_target_and_decisions_are_the_median():
    task = fitted()
    drawn = outputs(3).float()
    answers = task.answers(drawn)
    values = task.values(drawn).double()
    assert answers.shape == (3, 8)
    scale = torch.tensor(task.scale, dtype=torch.float64)
    shift = torch.tensor(task.shift, dtype=torch.float64)
    torch.testing.assert_close(answers[:, :4], values[:, 0] * scale[0] + shift[0])
    torch.testing.assert_close(answers[:, 4:], values[:, 1] * scale[1] + shift[1])
    np.testing.assert_array_equal(task.decide(answers), answers[:, [2, 6]])
    columns = task.columns(answers)
    assert list(columns)[:2] == ["height q0.05", "height q0.25"]
    assert columns["weight q0.9"] == answers[:, 7].tolist()
    one = Quantiles.of(("x",))
    assert one.decide(one.answers(torch.zeros(3, 3))).shape == (3,)


def test_means_of_members_outputs_keep_the_order():
    task = fitted()
    assert task.combine == "mean"
    mean = torch.stack([outputs(seed=seed) * 30 for seed in range(4)]).mean(0)
    assert bool((task.values(mean).diff(dim=-1) >= 0).all())


def test_units_are_robust_and_weights_count_as_repetition():
    values = targets()
    values[0] = 1e12
    times = torch.arange(60) % 3
    found = Quantiles.of(NAMES).fitted(values, LossOptions(), times)
    repeated = values.repeat_interleave(times, 0)
    assert found == Quantiles.of(NAMES).fitted(repeated, LossOptions())
    assert found.scale[0] == pytest.approx(3, rel=0.3)


def test_a_linear_model_is_ridge_at_the_median():
    task = fitted((0.1, 0.5, 0.9))
    random = torch.Generator().manual_seed(0)
    inputs = torch.randn(50, 3, generator=random, dtype=torch.float64)
    mixed = inputs @ torch.randn(3, 2, generator=random, dtype=torch.float64) + 1
    weight, bias = task.fit_linear(inputs, mixed, penalty=1e-9, model="ridge", intercept=True)
    values = task.values(inputs @ weight.T + bias)
    torch.testing.assert_close(values[..., 1], mixed, rtol=1e-6, atol=1e-6)
    distance = torch.full((50, 2), NormalDist().inv_cdf(0.9), dtype=torch.float64)
    torch.testing.assert_close(values[..., 2] - values[..., 1], distance)
    assert task.sharpness(mixed, mixed) == 1.0
    _, none = task.fit_linear(inputs, mixed, penalty=0.1, model="ridge", intercept=False)
    assert none is None
    with pytest.raises(ValueError, match="expected ridge for quantiles"):
        task.fit_linear(inputs, mixed, penalty=0.3, model="svm", intercept=True)


def test_it_comes_back_from_plain_data():
    assert task_from_dict(fitted().to_dict()) == fitted() == fitted().plain()


@pytest.mark.parametrize("levels", [(), (0.0, 0.5), (0.5, 1.0), (0.9, 0.1), (0.5, 0.5), (np.nan,)])
def test_levels_that_do_not_rise_are_refused(levels):
    with pytest.raises(ValueError, match="quantiles: expected rising numbers above 0 and below 1"):
        Quantiles.of(NAMES, levels)


def test_options_of_other_losses_are_refused():
    with pytest.raises(ValueError, match="learned by the pinball loss: leave label_smoothing"):
        Quantiles.of(NAMES).fitted(targets(), LossOptions(huber=True))


def test_nothing_to_evaluate():
    tally = fitted().tally(torch.device("cpu"))
    with pytest.raises(ValueError, match="at least one example with its target"):
        tally.evaluation(tally.sums())
