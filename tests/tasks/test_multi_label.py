"""Several labels for each example, against torch and scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, f1_score, log_loss, precision_score, recall_score
from torch.nn.functional import binary_cross_entropy_with_logits

from qimlp.tasks import LossOptions, MultiLabel, task_from_dict

NAMES = ("cat", "dog", "bird", "none ever")


def draw(count=60, seed=0):
    random = torch.Generator().manual_seed(seed)
    targets = torch.rand(count, 4, generator=random) < torch.tensor([0.5, 0.8, 0.1, 0.0])
    outputs = 1.5 * torch.randn(count, 4, generator=random) + targets
    outputs[:, 3] = -1.0
    return outputs, targets.float()


def evaluated(outputs, targets):
    tally = MultiLabel(NAMES).tally(torch.device("cpu"))
    for rows in (slice(0, 17), slice(17, len(targets))):
        tally.add(outputs[rows], targets[rows])
    return tally.evaluation(tally.sums())


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_loss_and_gradient_are_torchs(smoothing):
    outputs, targets = draw()
    task = MultiLabel(NAMES).fitted(targets, LossOptions(smoothing))
    wanted = targets * (1 - smoothing) + smoothing / 2
    leaf = outputs.clone().requires_grad_()
    expected = binary_cross_entropy_with_logits(leaf, wanted)
    expected.backward()
    loss, gradient = task.loss_and_gradient(outputs, targets)
    assert torch.equal(loss, expected.detach())
    assert torch.equal(gradient, leaf.grad)
    runs = task.losses_of_runs(outputs.view(3, 20, 4), targets.view(3, 20, 4))
    torch.testing.assert_close(runs.mean(), expected.detach())
    assert runs.shape == (3,)


def test_the_loss_is_the_mean_over_labels_of_scikit_learns():
    outputs, targets = draw()
    probabilities = outputs.double().sigmoid().numpy()
    expected = [log_loss(targets[:, i], probabilities[:, i], labels=[0, 1]) for i in range(4)]
    assert evaluated(outputs, targets).loss == pytest.approx(np.mean(expected), rel=1e-6)
    loss = MultiLabel(NAMES).loss(outputs.double(), targets.double())
    assert float(loss) == pytest.approx(np.mean(expected), rel=1e-12)


def test_metrics_are_scikit_learns():
    outputs, targets = draw()
    found = evaluated(outputs, targets)
    said, true = (outputs > 0).int().numpy(), targets.int().numpy()
    assert found.metrics == {
        "loss": found.loss,
        "subset_accuracy": accuracy_score(true, said),
        "f1_micro": pytest.approx(f1_score(true, said, average="micro")),
        "f1_macro": pytest.approx(f1_score(true, said, average="macro", zero_division=0)),
    }
    precisions = precision_score(true, said, average=None, zero_division=np.nan).tolist()
    recalls = recall_score(true, said, average=None, zero_division=np.nan).tolist()
    for score, precision, recall in zip(found.per_label()[:3], precisions, recalls, strict=False):
        assert (score.precision, score.recall) == (pytest.approx(precision), pytest.approx(recall))
    never = found.per_label()[3]
    assert (never.examples, never.precision, never.recall, never.f1) == (0, None, None, 0.0)


def test_tables_and_plain_data_hold_every_label():
    outputs, targets = draw()
    found = evaluated(outputs, targets)
    titles, rows = found.table()
    assert titles == ("label", "examples", "precision", "recall", "F1")
    assert [row[0] for row in rows] == list(NAMES)
    assert rows[3] == ("none ever", "0", "-", "-", "0.0%")
    assert found.to_dict()["per_label"][0]["label"] == "cat"
    assert found.to_dict()["f1_micro"] == found.metrics["f1_micro"]


def test_the_best_epoch_has_the_lowest_loss():
    task = MultiLabel(NAMES)
    assert task.is_better({"loss": 1.0, "subset_accuracy": 0.1}, [{"loss": 2.0}])
    assert not task.is_better({"loss": 2.0, "subset_accuracy": 0.9}, [{"loss": 2.0}])


def test_answers_are_probabilities_and_decisions_zeros_and_ones():
    outputs, _ = draw(5)
    task = MultiLabel(NAMES)
    answers = task.answers(outputs)
    torch.testing.assert_close(answers, 1 / (1 + (-outputs).exp()))
    chosen = task.decide(answers)
    assert chosen.dtype == np.int64
    np.testing.assert_array_equal(chosen, outputs > 0)
    columns = task.columns(answers)
    assert list(columns)[:3] == ["cat", "cat probability", "dog"]
    assert columns["dog"] == chosen[:, 1].tolist()
    assert columns["dog probability"] == answers[:, 1].tolist()
    assert task.combine == "sigmoid"


def test_labels_that_are_neither_there_nor_not_are_refused():
    task = MultiLabel(NAMES)
    _, targets = draw()
    prepared = task.prepare(targets.double())
    assert prepared.dtype == torch.float32
    assert torch.equal(prepared, targets)
    targets[7, 1] = 0.5
    with pytest.raises(ValueError, match=r"row 8, label 'dog': expected 0 or 1, got 0\.5"):
        task.prepare(targets)


def test_a_linear_model_is_sharpened_to_the_least_loss():
    random = torch.Generator().manual_seed(1)
    inputs = torch.randn(200, 3, generator=random, dtype=torch.float64)
    targets = (inputs @ torch.randn(3, 4, generator=random, dtype=torch.float64) > 0).float()
    task = MultiLabel(NAMES)
    weight, bias = task.fit_linear(inputs, targets, penalty=0.1, model="ridge", intercept=True)
    outputs = inputs @ weight.T + bias
    factor = task.sharpness(outputs, targets)
    assert 1 < factor < 100
    factors = (1, 0.99 * factor, 1.01 * factor)
    others = [float(task.loss(f * outputs, targets.double())) for f in factors]
    assert float(task.loss(factor * outputs, targets.double())) < min(others)
    with pytest.raises(ValueError, match="expected ridge for several labels"):
        task.fit_linear(inputs, targets, penalty=0.1, model="svm", intercept=True)


def test_it_comes_back_from_plain_data_without_what_it_was_trained_with():
    task = MultiLabel(NAMES, label_smoothing=0.1)
    assert task_from_dict(task.to_dict()) == MultiLabel(NAMES) == task.plain()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (LossOptions(balanced=True), "class_weights are for one class of several"),
        (LossOptions(huber=True), "loss huber is for regression"),
    ],
)
def test_options_of_other_tasks_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        MultiLabel(NAMES).fitted(torch.zeros(3, 4), options)


def test_nothing_to_evaluate():
    tally = MultiLabel(NAMES).tally(torch.device("cpu"))
    with pytest.raises(ValueError, match="at least one labelled example"):
        tally.evaluation(tally.sums())
