"""Accuracy, loss and confusion of a model on batches."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from qimlp.distributed import ProcessGroup


@dataclass(frozen=True)
class ClassScore:
    """How a model does on one class.

    Attributes:
        examples: True members of the class.
        precision: Correct part of what was predicted to be it; None where nothing was.
        recall: Part of its members that was found; None where it has none.
    """

    examples: int
    precision: float | None
    recall: float | None


@dataclass(frozen=True)
class Evaluation:
    """How a model does on one set of examples.

    Attributes:
        examples: Their number.
        loss: Mean cross-entropy, nats.
        confusion: (classes, classes) counts; rows are the true classes.
    """

    examples: int
    loss: float
    confusion: Tensor

    @property
    def accuracy(self) -> float:
        """Fraction of correct predictions."""
        return int(self.confusion.diagonal().sum()) / self.examples

    def per_class(self) -> list[ClassScore]:
        """Score every class.

        Returns:
            One entry per class, in order.
        """
        hits = self.confusion.diagonal().tolist()
        members, predicted = self.confusion.sum(dim=1).tolist(), self.confusion.sum(dim=0).tolist()
        return [
            ClassScore(m, hit / p if p else None, hit / m if m else None)
            for hit, m, p in zip(hits, members, predicted, strict=True)
        ]

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON.

        Returns:
            Numbers, scores per class, and the confusion matrix as nested lists.
        """
        return {
            "examples": self.examples,
            "accuracy": self.accuracy,
            "loss": self.loss,
            "per_class": [asdict(score) for score in self.per_class()],
            "confusion": self.confusion.tolist(),
        }


@torch.inference_mode()
def evaluate(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    *,
    num_classes: int,
    processes: ProcessGroup,
) -> Evaluation:
    """Evaluate a model; the device is asked for numbers once, at the end.

    Args:
        model: Maps (n, features) to (n, classes); put in evaluation mode and back.
        batches: (inputs, labels) of this process, on its device.
        num_classes: Number of classes.
        processes: The processes whose counts are summed.

    Returns:
        The evaluation over all processes.

    Raises:
        ValueError: If there is no example.
    """
    was_training = model.training
    model.eval()
    dtype = next(model.parameters()).dtype
    total = torch.zeros((), dtype=torch.float32, device=processes.device)
    counts = torch.zeros(num_classes * num_classes, dtype=torch.int64, device=processes.device)
    for inputs, labels in batches:
        logits = model(inputs.to(dtype)).float()
        total += cross_entropy(logits, labels, reduction="sum")
        pairs = labels * num_classes + logits.argmax(dim=1)
        counts += torch.bincount(pairs, minlength=counts.numel())
    model.train(was_training)
    total, counts = processes.sum(total), processes.sum(counts)
    examples = int(counts.sum())
    if examples == 0:
        raise ValueError("nothing to evaluate: expected at least one labelled example")
    confusion = counts.view(num_classes, num_classes).cpu()
    return Evaluation(examples, total.item() / examples, confusion)
