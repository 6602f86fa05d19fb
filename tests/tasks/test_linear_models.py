"""Linear models against their stated problems, written out densely."""

import pytest
import torch

from qimlp.tasks.linear_models import ridge, support_vector_machine
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


def test_many_rows_against_the_normal_equations():
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


def class_problem(classes=3):
    inputs, _ = problem(count=90)
    labels = torch.arange(90) % classes
    return inputs + torch.randn(classes, 7, dtype=torch.float64).mul(2)[labels], labels


def hinge(inputs, labels, weight, bias, strength):
    """Summed over the classes; bias None: none."""
    signs = 2.0 * torch.nn.functional.one_hot(labels, len(weight)).double() - 1
    outputs = inputs @ weight.T + (0 if bias is None else bias)
    loss = (1 - signs * outputs).clamp(min=0).square().sum()
    loss = loss + strength * weight.square().sum()
    if bias is not None:
        length = inputs.square().sum(1).mean()
        loss = loss + strength * bias.square().sum() / length
    return loss


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("intercept", [True, False])
def test_machines_solve_the_stated_problem(intercept, classes):
    torch.manual_seed(0)
    inputs, labels = class_problem(classes)
    centred = inputs - inputs.mean(0) if intercept else inputs
    strength = 0.3 * torch.linalg.eigvalsh(centred.T @ centred).mean()
    weight, bias = support_vector_machine(inputs, labels, classes, 0.3, intercept=intercept)
    assert (bias is None) == (not intercept)
    assert weight.shape == (classes, 7)
    assert weight.dtype == torch.float64
    known = weight.clone().requires_grad_()
    free = [known] if bias is None else [known, bias.clone().requires_grad_()]
    loss = hinge(inputs, labels, known, free[1] if bias is not None else None, strength)
    for slope in torch.autograd.grad(loss, free):
        assert slope.abs().max() < 1e-3 * loss
    generator = torch.Generator().manual_seed(1)
    for _ in range(5):
        other = weight + 0.05 * torch.randn(weight.shape, generator=generator, dtype=torch.float64)
        assert hinge(inputs, labels, other, bias, strength) > loss


def test_machines_do_not_depend_on_the_scale():
    torch.manual_seed(0)
    inputs, labels = class_problem()
    weight, bias = support_vector_machine(inputs, labels, 3, 0.3)
    scaled, same_bias = support_vector_machine(inputs * 50, labels, 3, 0.3)
    torch.testing.assert_close(scaled * 50, weight, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(same_bias, bias, rtol=1e-3, atol=1e-4)


def test_a_class_without_rows_is_never_near():
    torch.manual_seed(0)
    inputs, labels = class_problem()
    weight, bias = support_vector_machine(inputs, 2 * labels, 5, 0.3)
    assert not weight[[1, 3]].any()
    assert bias[[1, 3]].tolist() == [-1.0, -1.0]
    same, _ = support_vector_machine(inputs, labels, 3, 0.3)
    assert torch.equal(weight[[0, 2, 4]], same)


@pytest.mark.parametrize(
    ("labels", "classes", "penalty", "message"),
    [
        ([0, 1, 0], 2, 0.3, r"got \(4, 2\) and \(3,\)"),
        ([1, 1, 1, 1], 2, 0.3, r"two different classes from 0 to 1, got \[1\]"),
        ([0, 1, 2, 0], 2, 0.3, "two different classes"),
        ([0, 1, 0, 1], 2, -1.0, "greater than 0, got -1.0"),
        ([0, 1, 0, 1], 2, 1e-9, "raise the penalty"),
    ],
)
def test_one_clear_line_of_machines(labels, classes, penalty, message):
    inputs = torch.tensor([[0.0, 1.0], [1.0, 0.0], [1.0, 0.1], [0.1, 1.0]])
    with pytest.raises(ValueError, match=message) as caught:
        support_vector_machine(inputs, torch.tensor(labels), classes, penalty)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("penalty", [1e308, 1e-323])
def test_a_penalty_that_nothing_can_be_computed_from_is_one_line(penalty):
    inputs, labels = torch.randn(20, 3, dtype=torch.float64), torch.arange(20) % 2
    with pytest.raises(ValueError, match="penalty: expected a number from which"):
        ridge(inputs, inputs[:, :1], penalty)
    with pytest.raises(ValueError, match="penalty: expected a number from which"):
        support_vector_machine(inputs, labels, 2, penalty)


def test_a_penalty_too_small_for_dependent_features_is_one_line():
    inputs = torch.arange(50.0, dtype=torch.float64).outer(torch.tensor([1.0, 0.0]).double())
    with pytest.raises(ValueError, match="penalty 1e-20: too small for these inputs"):
        ridge(inputs, inputs[:, :1], 1e-20)
