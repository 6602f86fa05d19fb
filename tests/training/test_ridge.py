"""Ridge regression against its normal equations, written out densely."""

import pytest
import torch

from qimlp.training.ridge import ridge
from tests.tolerances import assert_close


def problem(count=60, features=7, classes=3):
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(count, features, generator=generator, dtype=torch.float64) * 3 + 1
    targets = torch.randn(count, classes, generator=generator, dtype=torch.float64) + 0.5
    return inputs, targets


def objective(inputs, targets, weight, bias, strength):
    misses = inputs @ weight.T + (0 if bias is None else bias) - targets
    return misses.square().sum() + strength * weight.square().sum()


@pytest.mark.parametrize("intercept", [True, False])
def test_it_solves_the_stated_problem(intercept):
    inputs, targets = problem()
    centred = inputs - inputs.mean(0) if intercept else inputs
    gram = centred.T @ centred
    strength = 0.3 * torch.linalg.eigvalsh(gram).mean()
    weight, bias = ridge(inputs, targets, 0.3, intercept=intercept)
    known = weight.clone().requires_grad_()
    shift = None if bias is None else bias.clone().requires_grad_()
    free = [known] if shift is None else [known, shift]
    slopes = torch.autograd.grad(objective(inputs, targets, known, shift, strength), free)
    for slope in slopes:
        assert slope.abs().max() < 1e-9
    assert (bias is None) == (not intercept)


def test_many_rows_are_added_up_in_parts():
    inputs, targets = problem(count=9000)
    centred, level = inputs - inputs.mean(0), targets.mean(0)
    gram = centred.T @ centred
    gram = gram + 2.0 * gram.diagonal().mean() * torch.eye(7, dtype=torch.float64)
    expected = torch.linalg.solve(gram, centred.T @ (targets - level)).T
    weight, bias = ridge(inputs, targets, 2.0)
    assert_close(weight, expected)
    assert_close(bias, level - expected @ inputs.mean(0))


def test_a_penalty_means_the_same_at_any_scale_and_number():
    inputs, targets = problem()
    weight, bias = ridge(inputs, targets, 0.3)
    scaled, same_bias = ridge(inputs * 50, targets, 0.3)
    assert_close(scaled * 50, weight)
    assert_close(same_bias, bias)
    assert_close(ridge(inputs.repeat(3, 1), targets.repeat(3, 1), 0.3)[0], weight)


def test_float32_inputs_come_near():
    inputs, targets = problem()
    weight, _ = ridge(inputs.float(), targets.float(), 0.3)
    assert weight.dtype == torch.float64
    assert_close(weight.float(), ridge(inputs, targets, 0.3)[0])


@pytest.mark.parametrize(
    ("inputs", "targets", "penalty", "message"),
    [
        (torch.ones(3, 2), torch.ones(4, 2), 1.0, r"got \(3, 2\) and \(4, 2\)"),
        (torch.ones(0, 2), torch.ones(0, 2), 1.0, "N > 0"),
        (torch.randn(3, 2), torch.ones(3, 1), 0.0, "greater than 0, got 0.0"),
        (torch.ones(3, 2), torch.ones(3, 1), 1.0, "not all the same"),
        (torch.full((3, 2), torch.nan), torch.ones(3, 1), 1.0, "finite"),
    ],
)
def test_one_clear_line(inputs, targets, penalty, message):
    with pytest.raises(ValueError, match=message) as caught:
        ridge(inputs, targets, penalty)
    assert "\n" not in str(caught.value)
