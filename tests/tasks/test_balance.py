"""Weights of classes, and what an uneven spread is said to mean."""

import torch

from qimlp.tasks.balance import class_weights, imbalance


def test_class_weights_make_classes_equal():
    labels = torch.tensor([0, 0, 0, 0, 0, 0, 2, 2])
    weights = class_weights(labels, 4)
    assert weights.dtype == torch.float64
    assert weights.tolist() == [8 / 12, 0.0, 2.0, 0.0]
    assert weights[labels].mean() == 1
    assert class_weights(torch.tensor([0, 1, 1, 0]), 2).tolist() == [1.0, 1.0]


def test_imbalance_says_what_a_constant_answer_gets():
    line = imbalance(torch.tensor([1] * 99 + [0]), ("sick", "well"))
    assert line is not None
    assert line.startswith("99.00% of the training rows are of class 'well': always answering it")
    assert "accuracy of 0.9900" in line
    assert imbalance(torch.tensor([1] * 9 + [0]), ("sick", "well")) is None
    assert imbalance(torch.tensor([0, 1, 2]), ("a", "b", "c")) is None
