"""One class for each example, out of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy, nll_loss, one_hot

from qimlp.ops import log_softmax_backward
from qimlp.tasks.balance import class_weights, imbalance
from qimlp.tasks.class_scores import ClassCounts
from qimlp.tasks.linear_models import LinearModel, best_factor, ridge, support_vector_machine
from qimlp.tasks.task import LossOptions, Metric, Task

_MANY_CLASSES, _ROWS_PER_CLASS = 100, 5

ACCURACY = Metric("accuracy", "accuracy", most=1.0)


@dataclass(frozen=True)
class Classification(Task):
    """Cross-entropy over classes; the epoch with the highest dev accuracy is the best.

    Attributes:
        class_names: Names of the classes, in the order of the outputs.
        label_smoothing: Part of the training target that is spread over all classes, from 0 to
            below 1.
        class_weights: Weight of each class in the training loss; none where all count alike. With
            weights the loss is the weighted mean, as `torch.nn.functional.cross_entropy` has it.
    """

    class_names: tuple[str, ...]
    label_smoothing: float = 0.0
    class_weights: tuple[float, ...] | None = None

    kind: ClassVar[str] = "classification"
    combine: ClassVar[str] = "softmax"
    answers_are_probabilities: ClassVar[bool] = True
    metrics: ClassVar[tuple[Metric, ...]] = (ACCURACY,)
    target_names: ClassVar[tuple[str, ...]] = ()  # type: ignore[misc]

    @property
    def num_outputs(self) -> int:
        """One output for each class."""
        return len(self.class_names)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Compute the mean cross-entropy.

        Args:
            outputs: Logits of shape (n, classes).
            targets: Class numbers of shape (n,).

        Returns:
            The loss in nats, 0-d.
        """
        return cross_entropy(
            outputs, targets, self._weights(outputs), label_smoothing=self.label_smoothing
        )

    def loss_and_gradient(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the loss and its gradient without a graph; see `Task.loss_and_gradient`."""
        if self.class_weights is None:
            return cross_entropy_and_gradient(outputs, targets, self.label_smoothing)
        return super().loss_and_gradient(outputs, targets)

    def weight(self, targets: Tensor) -> Tensor | None:
        """Add up the weights of the examples' classes; see `Task.weight`."""
        if self.class_weights is None:
            return None
        return torch.tensor(self.class_weights, device=targets.device)[targets].sum()

    def losses_of_runs(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Compute the loss of several networks side by side; see `Task.losses_of_runs`."""
        if self.class_weights is not None:
            return super().losses_of_runs(outputs, targets)
        flat = cross_entropy(
            outputs.flatten(0, 1),
            targets.flatten(),
            reduction="none",
            label_smoothing=self.label_smoothing,
        )
        return flat.view(targets.shape).mean(dim=1)

    def tally(self, device: torch.device) -> ClassCounts:
        """Begin an evaluation; see `Task.tally`."""
        return ClassCounts(self.class_names, device)

    def is_better(self, metrics: Mapping[str, float], than: Sequence[Mapping[str, float]]) -> bool:
        """Say whether the accuracy is higher than in all epochs before."""
        return all(metrics["accuracy"] > earlier["accuracy"] for earlier in than)

    def fitted(
        self, targets: Tensor, options: LossOptions, weights: Tensor | None = None
    ) -> Classification:
        """Take label smoothing, and weigh the classes where they are to be balanced.

        Args:
            targets: Class numbers of the train part, of shape (n,).
            options: What the user chose.
            weights: How much each example counts, of shape (n,).

        Returns:
            The task to train with.

        Raises:
            ValueError: If an option of regression is set.
        """
        if options.loss_of_regression:
            raise ValueError(
                f"loss {options.loss_of_regression} is for regression: classes are learned by "
                "cross-entropy"
            )
        balance = None
        if options.balanced:
            balance = tuple(class_weights(targets, self.num_outputs, weights).tolist())
        return replace(self, label_smoothing=options.label_smoothing, class_weights=balance)

    def doubts(self, targets: Tensor) -> tuple[str, ...]:
        """Doubt classes that are many whole numbers, or nearly all one; see `Task.doubts`."""
        lines = (self._hardly_classes(len(targets)), imbalance(targets, self.class_names))
        return tuple(line for line in lines if line is not None)

    def _hardly_classes(self, rows: int) -> str | None:
        classes = self.num_outputs
        if classes <= _MANY_CLASSES or classes * _ROWS_PER_CLASS <= rows:
            return None
        if not all(name.isdigit() for name in self.class_names):
            return None
        return (
            f"the labels are {classes:,} different whole numbers on {rows:,} training rows, and "
            "each is a class of its own: if they measure something, say --task regression"
        )

    def plain(self) -> Classification:
        """Give the task without label smoothing and class weights."""
        return Classification(self.class_names)

    def prepare(self, targets: Tensor) -> Tensor:
        """Give the class numbers as they are."""
        return targets

    def fit_linear(
        self,
        inputs: Tensor,
        targets: Tensor,
        *,
        penalty: float,
        model: LinearModel,
        intercept: bool,
    ) -> tuple[Tensor, Tensor | None]:
        """Fit a linear model of the classes; ridge regression goes onto their indicators.

        See `Task.fit_linear`.
        """
        if model == "svm":
            return support_vector_machine(
                inputs, targets, self.num_outputs, penalty, intercept=intercept
            )
        indicators = one_hot(targets, self.num_outputs).to(inputs.dtype)
        return ridge(inputs, indicators, penalty, intercept=intercept)

    def sharpness(self, outputs: Tensor, targets: Tensor) -> float:
        """Find the factor from 1 to 100 with the least cross-entropy: a convex function of it."""
        return best_factor(
            outputs, lambda o: cross_entropy(o, targets, label_smoothing=self.label_smoothing)
        )

    def answers(self, outputs: Tensor) -> Tensor:
        """Turn logits into class probabilities.

        Args:
            outputs: Of shape (n, classes).

        Returns:
            Probabilities of shape (n, classes).
        """
        return outputs.softmax(dim=1)

    def decide(self, answers: Tensor) -> NDArray[Any]:
        """Name the likeliest class of each example.

        Args:
            answers: Probabilities of shape (n, classes), on the CPU.

        Returns:
            Names of shape (n,).
        """
        names: NDArray[Any] = np.array(self.class_names)
        chosen: NDArray[Any] = names[answers.argmax(dim=1).numpy()]
        return chosen

    def columns(self, answers: Tensor) -> dict[str, list[object]]:
        """Write the likeliest class, its probability, and that of each class.

        Args:
            answers: Probabilities of shape (n, classes), on the CPU.

        Returns:
            The columns `label` and `probability`, and for each class one such as `cat probability`.
        """
        best, classes = answers.max(dim=1)
        labels = [self.class_names[index] for index in classes.tolist()]
        each = {
            f"{name} probability": column.tolist()
            for name, column in zip(self.class_names, answers.unbind(dim=1), strict=True)
        }
        return {"label": labels, "probability": best.tolist(), **each}

    def to_dict(self) -> dict[str, Any]:
        """Give the kind and the names of the classes."""
        return {"kind": self.kind, "class_names": list(self.class_names)}

    def _weights(self, outputs: Tensor) -> Tensor | None:
        if self.class_weights is None:
            return None
        return torch.tensor(self.class_weights, dtype=outputs.dtype, device=outputs.device)


def cross_entropy_and_gradient(
    logits: Tensor, labels: Tensor, smoothing: float
) -> tuple[Tensor, Tensor]:
    """Compute the mean cross-entropy and its gradient, in the operations that torch takes for them.

    `torch.nn.functional.cross_entropy` is the definition; the bits are the same.

    Args:
        logits: Of shape (n, classes), without a graph.
        labels: Class numbers of shape (n,).
        smoothing: Part of the target that is spread over all classes, from 0 to below 1.

    Returns:
        The loss, 0-d, in nats, and its gradient by the logits, of shape (n, classes).
    """
    count, classes = logits.shape
    log_probabilities = torch.log_softmax(logits, 1)
    loss = nll_loss(log_probabilities, labels)
    if smoothing:
        spread = log_probabilities.sum(1).sum() / count
        loss = loss * (1 - smoothing) - spread * (smoothing / classes)
    everywhere, at_label = _target_gradients(count, classes, smoothing, logits.dtype)
    outer = everywhere.scatter_add(1, labels.unsqueeze(1), at_label)
    gradient = log_softmax_backward(outer, log_probabilities, logits)
    return loss, gradient


@lru_cache(maxsize=2)  # the batch, and a short last one
def _target_gradients(
    count: int, classes: int, smoothing: float, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """The loss by log-probabilities: (count, classes) of all, (count, 1) more of the label's."""
    one = torch.ones((), dtype=dtype)
    everywhere = -(one * (smoothing / classes)) / count
    at_label = -(one * (1 - smoothing)) / count
    return everywhere.repeat(count, classes), at_label.repeat(count, 1)
