"""How well labels that stand beside each other are found: subset accuracy and F1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from qimlp.tasks.class_scores import percent


@dataclass(frozen=True)
class LabelScore:
    """How a network does on one label.

    Attributes:
        examples: Examples that have it.
        precision: Correct part of those said to have it; None where none was.
        recall: Found part of those that have it; None where none has.
        f1: `2 hits / (said to have it + have it)`; 0 where neither is.
    """

    examples: int
    precision: float | None
    recall: float | None
    f1: float


@dataclass(frozen=True)
class MultiLabelEvaluation:
    """How a network does on one set of examples with labels.

    Attributes:
        examples: Their number.
        loss: Mean binary cross-entropy over examples and labels, in nats.
        exact: Examples of which every label is right.
        counts: Of shape (3, labels): hits, examples said to have the label, examples that have it.
        label_names: Names of the labels, in order.
    """

    examples: int
    loss: float
    exact: int
    counts: Tensor
    label_names: tuple[str, ...]

    @property
    def metrics(self) -> dict[str, float]:
        """`loss`, `subset_accuracy`, `f1_micro` and `f1_macro`, as scikit-learn defines them."""
        scores = self.per_label()
        return {
            "loss": self.loss,
            "subset_accuracy": self.exact / self.examples,
            "f1_micro": _score(*self.counts.sum(dim=1).tolist()).f1,
            "f1_macro": sum(score.f1 for score in scores) / len(scores),
        }

    def per_label(self) -> list[LabelScore]:
        """Score every label.

        Returns:
            One entry for each label, in order.
        """
        return [_score(*column) for column in self.counts.T.tolist()]

    def table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Show every label.

        Returns:
            Column titles, and a row of text for each label.
        """
        rows: list[tuple[str, ...]] = [
            (name, str(s.examples), percent(s.precision), percent(s.recall), percent(s.f1))
            for name, s in zip(self.label_names, self.per_label(), strict=True)
        ]
        return ("label", "examples", "precision", "recall", "F1"), rows

    def to_dict(self) -> dict[str, Any]:
        """Give plain data for JSON.

        Returns:
            Numbers over all labels, and the scores of each.
        """
        named = zip(self.label_names, self.per_label(), strict=True)
        return {
            "examples": self.examples,
            **self.metrics,
            "per_label": [{"label": name, **asdict(score)} for name, score in named],
        }


class LabelCounts:
    """Loss and hits, summed over batches."""

    def __init__(self, label_names: tuple[str, ...], device: torch.device) -> None:
        self._label_names = label_names
        self._loss = torch.zeros((), dtype=torch.float32, device=device)
        self._examples = torch.zeros(2, dtype=torch.int64, device=device)  # all, and exact ones
        self._counts = torch.zeros(3, len(label_names), dtype=torch.int64, device=device)

    def add(self, outputs: Tensor, targets: Tensor) -> None:
        """Count one batch; see `Tally.add`."""
        self._loss += binary_cross_entropy_with_logits(outputs, targets, reduction="sum")
        said, true = outputs.sigmoid() > 0.5, targets > 0.5
        right = (said == true).all(dim=1)
        self._examples += torch.stack([torch.ones_like(right).sum(), right.sum()])
        self._counts += torch.stack([part.sum(dim=0) for part in (said & true, said, true)])

    def sums(self) -> list[Tensor]:
        """Give what must be added up over the processes."""
        return [self._loss, self._examples, self._counts]

    def evaluation(self, sums: Sequence[Tensor]) -> MultiLabelEvaluation:
        """Turn sums into an evaluation; see `Tally.evaluation`."""
        loss, (examples, exact), counts = sums[0].item(), sums[1].tolist(), sums[2].cpu()
        if examples == 0:
            raise ValueError("nothing to evaluate: expected at least one labelled example")
        mean = loss / (examples * len(self._label_names))
        return MultiLabelEvaluation(examples, mean, exact, counts, self._label_names)


def _score(hits: int, said: int, true: int) -> LabelScore:
    return LabelScore(
        true,
        hits / said if said else None,
        hits / true if true else None,
        2 * hits / (said + true) if said + true else 0.0,
    )
