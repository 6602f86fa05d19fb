"""How evenly examples are spread over classes."""

from __future__ import annotations

import torch
from torch import Tensor

_IMBALANCED = 0.9


def class_weights(labels: Tensor, num_classes: int, weights: Tensor | None = None) -> Tensor:
    """Weigh classes such that each adds as much to the loss as any other.

    Args:
        labels: Class numbers (N,), `int64`, of the training examples.
        num_classes: Number of classes C.
        weights: How much each example counts, (N,), none negative; whole numbers count as that many
            examples.

    Returns:
        (C,) `float64`: N / (number of classes present * examples of the class); the mean over
        the examples is 1. A class without examples has weight 0.
    """
    counted = None if weights is None else weights.double()
    counts = torch.bincount(labels, counted, minlength=num_classes).double()
    present = counts > 0
    return torch.where(present, counts.sum() / (int(present.sum()) * counts), 0.0)


def imbalance(labels: Tensor, class_names: tuple[str, ...]) -> str | None:
    """Say what a constant answer would reach where nearly all examples are of one class.

    Args:
        labels: Class numbers (N,), `int64`, of the training examples.
        class_names: Name of each class number.

    Returns:
        One line; `None` where no class has more than nine tenths of the examples.
    """
    counts = torch.bincount(labels, minlength=len(class_names))
    largest = int(counts.argmax())
    share = float(counts[largest]) / len(labels)
    if share <= _IMBALANCED:
        return None
    return (
        f"{share:.2%} of the training rows are of class {class_names[largest]!r}: always answering "
        f"it has an accuracy of {share:.4f}, so look at the recall of each class (qimlp eval); "
        "--class-weights balanced weighs all classes alike"
    )
