"""Classification against torch and scikit-learn, and what it says of doubtful labels."""

import pytest
import torch
from sklearn.metrics import log_loss
from torch.nn.functional import cross_entropy

from qimlp.tasks import Classification, LossOptions, Quantiles, Regression, task_from_dict

NAMES = ("a", "b", "c")


def draw(count=40, seed=0):
    random = torch.Generator().manual_seed(seed)
    return torch.randn(count, 3, generator=random), torch.randint(3, (count,), generator=random)


@pytest.mark.parametrize("balanced", [False, True])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_loss_and_gradient_are_torchs(balanced, smoothing):
    outputs, targets = draw()
    task = Classification(NAMES).fitted(targets, LossOptions(smoothing, balanced=balanced))
    counts = torch.bincount(targets)
    weights = (len(targets) / (3 * counts)).float() if balanced else None
    leaf = outputs.clone().requires_grad_()
    expected = cross_entropy(leaf, targets, weights, label_smoothing=smoothing)
    expected.backward()
    torch.testing.assert_close(task.loss(outputs, targets), expected.detach())
    loss, gradient = task.loss_and_gradient(outputs, targets)
    torch.testing.assert_close(loss, expected.detach())
    torch.testing.assert_close(gradient, leaf.grad)


def test_weights_count_as_repetition_where_classes_are_balanced():
    targets, times = torch.tensor([0, 1, 2, 2, 0]), torch.tensor([3, 1, 0, 2, 4])
    options = LossOptions(balanced=True)
    weighted = Classification(NAMES).fitted(targets, options, times)
    assert weighted == Classification(NAMES).fitted(targets.repeat_interleave(times), options)
    assert weighted.class_weights == (10 / 21, 10 / 3, 10 / 6)


def test_losses_of_runs_are_those_of_each():
    outputs, targets = draw(60)
    task = Classification(NAMES, label_smoothing=0.1)
    found = task.losses_of_runs(outputs.view(3, 20, 3), targets.view(3, 20))
    expected = [task.loss(outputs[i : i + 20], targets[i : i + 20]) for i in (0, 20, 40)]
    torch.testing.assert_close(found, torch.stack(expected))


def test_metrics_are_scikit_learns():
    outputs, targets = draw()
    tally = Classification(NAMES).tally(torch.device("cpu"))
    for rows in (slice(0, 13), slice(13, 40)):
        tally.add(outputs[rows], targets[rows])
    found = tally.evaluation(tally.sums())
    assert found.accuracy == float((outputs.argmax(1) == targets).double().mean())
    probabilities = outputs.double().softmax(1)
    assert found.loss == pytest.approx(log_loss(targets, probabilities, labels=[0, 1, 2]))
    assert found.metrics == {"loss": found.loss, "accuracy": found.accuracy}


def test_the_best_epoch_has_the_highest_accuracy():
    task = Classification(NAMES)
    assert task.is_better({"loss": 9.0, "accuracy": 0.5}, [])
    assert not task.is_better({"loss": 0.1, "accuracy": 0.5}, [{"loss": 1.0, "accuracy": 0.5}])
    assert task.is_better({"loss": 9.0, "accuracy": 0.6}, [{"loss": 1.0, "accuracy": 0.5}])


def test_answers_are_probabilities_and_names():
    outputs, _ = draw(4)
    task = Classification(NAMES)
    answers = task.answers(outputs)
    torch.testing.assert_close(answers.sum(1), torch.ones(4))
    wanted = [NAMES[i] for i in outputs.argmax(1).tolist()]
    assert task.decide(answers).tolist() == wanted
    assert task.columns(answers)["label"] == wanted


def test_many_whole_numbers_are_doubted():
    labels = torch.arange(150).repeat(5)[:700]
    task = Classification(tuple(str(n) for n in range(150)))
    (line,) = task.doubts(labels)
    assert "150 different whole numbers on 700 training rows" in line
    assert "say --task regression" in line
    assert task.doubts(torch.arange(150).repeat(5)) == ()
    assert Classification(tuple(f"n{n}" for n in range(150))).doubts(labels) == ()


def test_it_comes_back_from_plain_data_without_what_it_was_trained_with():
    task = Classification(NAMES, label_smoothing=0.1, class_weights=(1.0, 2.0, 3.0))
    assert task_from_dict(task.to_dict()) == Classification(NAMES)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "kind: expected one of classification, multi-label, regression, quantile-regression"),
        ({"kind": "classification", "class_names": []}, "class_names: expected a list of names"),
        ({"kind": "classification", "class_names": ["a", "a"]}, "expected names that differ"),
        ({"kind": "classification", "class_names": "ab"}, "class_names: expected a list of names"),
        ({**Regression.of(("x",)).to_dict(), "scale": [0]}, "scale: expected numbers greater"),
        ({**Regression.of(("x",)).to_dict(), "shift": [None]}, "a list of 1 finite numbers"),
        ({**Regression.of(("x",)).to_dict(), "shift": [float("inf")]}, "finite numbers"),
        ({**Regression.of(("x",)).to_dict(), "target_names": [3]}, "a list of names"),
        ({"kind": "multi-label", "label_names": []}, "label_names: expected a list of names"),
        ({"kind": "multi-label", "label_names": ["a", "a"]}, "expected names that differ"),
        ({**Quantiles.of(("x",)).to_dict(), "quantiles": [0.5, 0.1]}, "rising numbers above 0"),
        ({**Quantiles.of(("x",)).to_dict(), "quantiles": []}, "rising numbers above 0"),
        ({**Quantiles.of(("x",)).to_dict(), "quantiles": ["a"]}, "a list of finite numbers"),
    ],
)
def test_plain_data_of_no_task_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        task_from_dict(values)


def test_options_of_regression_are_refused():
    with pytest.raises(ValueError, match="loss huber is for regression"):
        Classification(NAMES).fitted(torch.tensor([0, 1, 2]), LossOptions(huber=True))
    with pytest.raises(ValueError, match="loss quantile is for regression"):
        Classification(NAMES).fitted(torch.tensor([0, 1, 2]), LossOptions(quantiles=(0.5,)))
