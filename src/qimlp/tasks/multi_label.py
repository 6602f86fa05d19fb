"""Several labels for each example, each of them there or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from qimlp.tasks.label_scores import LabelCounts
from qimlp.tasks.linear_models import LinearModel, best_factor, ridge
from qimlp.tasks.task import LossOptions, Metric, Task

SUBSET_ACCURACY = Metric("subset_accuracy", "subset accuracy", most=1.0)
F1_MICRO = Metric("f1_micro", "micro F1", most=1.0)
F1_MACRO = Metric("f1_macro", "macro F1", most=1.0)


@dataclass(frozen=True)
class MultiLabel(Task):
    """Binary cross-entropy of each label; the epoch with the lowest dev loss is the best.

    Attributes:
        label_names: Names of the labels, in the order of the outputs.
        label_smoothing: Part of the training target that is spread over yes and no alike, from 0
            to below 1.
    """

    label_names: tuple[str, ...]
    label_smoothing: float = 0.0

    kind: ClassVar[str] = "multi-label"
    combine: ClassVar[str] = "sigmoid"
    answers_are_probabilities: ClassVar[bool] = True
    metrics: ClassVar[tuple[Metric, ...]] = (SUBSET_ACCURACY, F1_MICRO, F1_MACRO)
    class_names: ClassVar[tuple[str, ...]] = ()  # type: ignore[misc]

    @property
    def target_names(self) -> tuple[str, ...]:  # type: ignore[override]
        """The labels: data holds a column of 0 and 1 for each."""
        return self.label_names

    @property
    def num_outputs(self) -> int:
        """One output for each label."""
        return len(self.label_names)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Compute the mean binary cross-entropy over examples and labels.

        Args:
            outputs: Logits of shape (n, labels).
            targets: 0 or 1, of shape (n, labels), of the dtype of `outputs`.

        Returns:
            The loss in nats, 0-d.
        """
        if self.label_smoothing:
            targets = targets * (1 - self.label_smoothing) + self.label_smoothing / 2
        return binary_cross_entropy_with_logits(outputs, targets)

    def tally(self, device: torch.device) -> LabelCounts:
        """Begin an evaluation; see `Task.tally`."""
        return LabelCounts(self.label_names, device)

    def is_better(self, metrics: Mapping[str, float], than: Sequence[Mapping[str, float]]) -> bool:
        """Say whether the loss is lower than in all epochs before."""
        return all(metrics["loss"] < earlier["loss"] for earlier in than)

    def fitted(
        self,
        targets: Tensor,  # noqa: ARG002 - of the protocol
        options: LossOptions,
        weights: Tensor | None = None,  # noqa: ARG002 - of the protocol
    ) -> MultiLabel:
        """Take label smoothing: nothing is to be known of the labels.

        Args:
            targets: Of the train part, of shape (n, labels).
            options: What the user chose.
            weights: How much each example counts, of shape (n,).

        Returns:
            The task to train with.

        Raises:
            ValueError: If an option of another task is set.
        """
        if options.balanced:
            raise ValueError("class_weights are for one class of several: labels have none")
        if options.loss_of_regression:
            raise ValueError(
                f"loss {options.loss_of_regression} is for regression: labels are learned by "
                "cross-entropy"
            )
        return replace(self, label_smoothing=options.label_smoothing)

    def plain(self) -> MultiLabel:
        """Give the task without label smoothing."""
        return MultiLabel(self.label_names)

    def prepare(self, targets: Tensor) -> Tensor:
        """Turn yes and no into what the loss takes.

        Args:
            targets: 0 or 1, of shape (n, labels), any dtype.

        Returns:
            `float32` of the same shape.

        Raises:
            ValueError: If a value is neither; the line names its row and label.
        """
        wrong = ((targets != 0) & (targets != 1)).nonzero()
        if len(wrong):
            row, label = wrong[0].tolist()
            raise ValueError(
                f"row {row + 1}, label {self.label_names[label]!r}: expected 0 or 1, got "
                f"{targets[row, label].item():g}"
            )
        return targets.float()

    def fit_linear(
        self,
        inputs: Tensor,
        targets: Tensor,
        *,
        penalty: float,
        model: LinearModel,
        intercept: bool,
    ) -> tuple[Tensor, Tensor | None]:
        """Fit ridge regression onto 1 for yes and -1 for no; see `Task.fit_linear`."""
        if model != "ridge":
            raise ValueError(f"a {model} tells classes apart: expected ridge for several labels")
        return ridge(inputs, (2 * targets - 1).to(inputs.dtype), penalty, intercept=intercept)

    def sharpness(self, outputs: Tensor, targets: Tensor) -> float:
        """Find the factor from 1 to 100 with the least loss: a convex function of it."""
        wanted = targets.double()
        return best_factor(outputs, lambda logits: self.loss(logits.double(), wanted))

    def answers(self, outputs: Tensor) -> Tensor:
        """Turn logits into the probability of each label.

        Args:
            outputs: Of shape (n, labels).

        Returns:
            Probabilities of shape (n, labels), which do not add up to 1.
        """
        return outputs.sigmoid()

    def decide(self, answers: Tensor) -> NDArray[Any]:
        """Say which labels are likelier there than not.

        Args:
            answers: Probabilities of shape (n, labels), on the CPU.

        Returns:
            0 or 1, `int64`, of shape (n, labels).
        """
        chosen: NDArray[Any] = (answers > 0.5).long().numpy()
        return chosen

    def columns(self, answers: Tensor) -> dict[str, list[object]]:
        """Write 0 or 1 and the probability of each label, such as `cat` and `cat probability`.

        Args:
            answers: Probabilities of shape (n, labels), on the CPU.

        Returns:
            The columns, label by label.
        """
        chosen = self.decide(answers)
        found: dict[str, list[object]] = {}
        for place, name in enumerate(self.label_names):
            found[name] = chosen[:, place].tolist()
            found[f"{name} probability"] = answers[:, place].tolist()
        return found

    def to_dict(self) -> dict[str, Any]:
        """Give the kind and the names of the labels."""
        return {"kind": self.kind, "label_names": list(self.label_names)}
