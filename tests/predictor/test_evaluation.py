"""Accuracy, loss and confusion against scikit-learn."""

import pytest
import torch
from sklearn import metrics
from torch import nn

from qimlp.distributed.process_group import ProcessGroup, connect
from qimlp.predictor.evaluation import evaluate
from qimlp.tasks import Classification

CPU = ProcessGroup(torch.device("cpu"))
TWO = Classification(("a", "b"))


def batches(inputs, labels, size):
    return zip(inputs.split(size), labels.split(size), strict=True)


def test_against_scikit_learn():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(50, 4, generator=generator)
    labels = torch.randint(0, 3, (50,), generator=generator)  # class 3 has no member
    model = nn.Linear(4, 4)
    with torch.no_grad():
        model.weight.copy_(torch.eye(4))
        model.bias.zero_()
    found = evaluate(
        model, batches(logits, labels, 7), task=Classification(tuple("abcd")), processes=CPU
    )
    predicted = logits.argmax(dim=1)
    every = [0, 1, 2, 3]
    assert found.examples == 50
    assert found.accuracy == pytest.approx(metrics.accuracy_score(labels, predicted))
    assert found.loss == pytest.approx(
        metrics.log_loss(labels, logits.double().softmax(1), labels=every)
    )
    matrix = metrics.confusion_matrix(labels, predicted, labels=every)
    assert found.confusion.tolist() == matrix.tolist()
    precision, recall, _, members = metrics.precision_recall_fscore_support(
        labels, predicted, labels=every, zero_division=0
    )
    scores = found.per_class()
    assert scores[3].recall is None
    assert [score.examples for score in scores] == members.tolist()
    assert [score.recall for score in scores[:3]] == pytest.approx(recall[:3].tolist())
    assert [score.precision for score in scores] == pytest.approx(precision.tolist())


def test_dropout_is_off_and_the_mode_is_kept():
    model = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.9))
    inputs, labels = torch.randn(20, 2), torch.zeros(20, dtype=torch.int64)
    losses = {
        evaluate(
            model, batches(inputs, labels, 20), task=Classification(tuple("ab")), processes=CPU
        ).loss
        for _ in range(3)
    }
    assert len(losses) == 1
    assert model.training


def test_nothing_to_evaluate():
    with pytest.raises(ValueError, match="at least one labelled example"):
        evaluate(nn.Linear(2, 2), [], task=Classification(tuple("ab")), processes=CPU)


def test_a_device_that_is_not_there():
    missing = "mps" if not torch.backends.mps.is_available() else "xpu"
    with pytest.raises(ValueError, match=f"device '{missing}' is not available here"):
        connect(missing)


def test_one_process_is_a_world_of_its_own():
    processes = connect("cpu")
    assert (processes.rank, processes.size, processes.is_main) == (0, 1, True)
    values = torch.arange(3)
    assert processes.sum(values) is values
    assert torch.equal(processes.gather(values), values.unsqueeze(0))
    assert (processes.any(True), processes.any(False)) == (True, False)
