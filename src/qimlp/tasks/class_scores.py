"""How well classes are told apart: accuracy, confusion, precision and recall."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy


@dataclass(frozen=True)
class ClassScore:
    """How a network does on one class.

    Attributes:
        examples: True members of the class.
        precision: Correct part of what was predicted to be it; None where nothing was.
        recall: Part of its members that was found; None where it has none.
    """

    examples: int
    precision: float | None
    recall: float | None


@dataclass(frozen=True)
class ClassificationEvaluation:
    """How a network does on one set of labelled examples.

    Attributes:
        examples: Their number.
        loss: Mean cross-entropy, in nats.
        confusion: Counts of shape (classes, classes); rows are the true classes.
        class_names: Names of the classes, in order.
    """

    examples: int
    loss: float
    confusion: Tensor
    class_names: tuple[str, ...]

    @property
    def accuracy(self) -> float:
        """Fraction of correct predictions."""
        return int(self.confusion.diagonal().sum()) / self.examples

    @property
    def metrics(self) -> dict[str, float]:
        """`loss` and `accuracy`."""
        return {"loss": self.loss, "accuracy": self.accuracy}

    def per_class(self) -> list[ClassScore]:
        """Score every class.

        Returns:
            One entry for each class, in order.
        """
        hits = self.confusion.diagonal().tolist()
        members, predicted = self.confusion.sum(dim=1).tolist(), self.confusion.sum(dim=0).tolist()
        return [
            ClassScore(m, hit / p if p else None, hit / m if m else None)
            for hit, m, p in zip(hits, members, predicted, strict=True)
        ]

    def table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Show every class.

        Returns:
            Column titles, and a row of text for each class.
        """
        rows: list[tuple[str, ...]] = [
            (name, str(score.examples), percent(score.precision), percent(score.recall))
            for name, score in zip(self.class_names, self.per_class(), strict=True)
        ]
        return ("class", "examples", "precision", "recall"), rows

    def to_dict(self) -> dict[str, Any]:
        """Give plain data for JSON.

        Returns:
            Numbers, scores by class, and the confusion matrix as nested lists.
        """
        return {
            "class_names": list(self.class_names),
            "examples": self.examples,
            "accuracy": self.accuracy,
            "loss": self.loss,
            "per_class": [asdict(score) for score in self.per_class()],
            "confusion": self.confusion.tolist(),
        }


class ClassCounts:
    """Loss and confusion, summed over batches."""

    def __init__(self, class_names: tuple[str, ...], device: torch.device) -> None:
        self._class_names = class_names
        self._classes = len(class_names)
        self._loss = torch.zeros((), dtype=torch.float32, device=device)
        self._pairs = torch.zeros(self._classes**2, dtype=torch.int64, device=device)

    def add(self, outputs: Tensor, targets: Tensor) -> None:
        """Count one batch; see `Tally.add`."""
        self._loss += cross_entropy(outputs, targets, reduction="sum")
        pairs = targets * self._classes + outputs.argmax(dim=1)
        self._pairs += torch.bincount(pairs, minlength=self._pairs.numel())

    def sums(self) -> list[Tensor]:
        """Give what must be added up over the processes."""
        return [self._loss, self._pairs]

    def evaluation(self, sums: Sequence[Tensor]) -> ClassificationEvaluation:
        """Turn sums into an evaluation; see `Tally.evaluation`."""
        loss, pairs = sums
        examples = int(pairs.sum())
        if examples == 0:
            raise ValueError("nothing to evaluate: expected at least one labelled example")
        confusion = pairs.view(self._classes, self._classes).cpu()
        return ClassificationEvaluation(
            examples, loss.item() / examples, confusion, self._class_names
        )


def percent(value: float | None) -> str:
    """Write a share.

    Args:
        value: From 0 to 1, or None where there is none.

    Returns:
        Such as `"12.3%"`; `"-"` for None.
    """
    return "-" if value is None else f"{value:.1%}"
