"""What a network is trained to do: the interface that training, prediction and reports go by."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from numpy.typing import NDArray
from torch import Tensor

from qimlp.tasks.evaluation import Objective
from qimlp.tasks.linear_models import LinearModel


@dataclass(frozen=True)
class Metric:
    """A number that says how well a network does.

    Attributes:
        name: Key under which results hold it.
        title: The name in words, as tables and figures show it.
        higher_is_better: Whether more is better.
        most: The largest possible value; None where there is no bound.
    """

    name: str
    title: str
    higher_is_better: bool = True
    most: float | None = None


@dataclass(frozen=True)
class LossOptions:
    """What a user may choose about the training loss; each is of one kind of task.

    Attributes:
        label_smoothing: Classification: part of the target that is spread over all classes.
        balanced: Classification: whether rare classes weigh more, all classes alike in total.
        huber: Regression: whether large errors count linearly instead of squared.
        robust: Regression: whether the targets' median and quartiles are their zero and unit, which
            a few large values do not sway, instead of mean and standard deviation.
        quantiles: Regression: levels of the quantiles to learn instead of one value; none for that.
    """

    label_smoothing: float = 0.0
    balanced: bool = False
    huber: bool = False
    robust: bool = False
    quantiles: tuple[float, ...] = ()

    @property
    def loss_of_regression(self) -> str | None:
        """Name of the loss that is for regression alone, if one is chosen."""
        return "huber" if self.huber else "quantile" if self.quantiles else None


class Task(Objective):
    """What the outputs of a network mean, and when they are good.

    A task owns the number of outputs, the training loss and its fast form, the metrics, which epoch
    is better, and what predictions look like. It is frozen, and plain data makes it anew.

    Attributes:
        kind: Name of the kind of task.
        combine: How the members of a network that has several make one output: `"softmax"`, the
            logarithm of the mean of their probabilities; `"sigmoid"`, the same for each output by
            itself; `"mean"`, the mean of their outputs.
        answers_are_probabilities: Whether each answer is a probability.
        class_names: Names of the classes; none where there are no classes.
        target_names: Names of the columns to answer, of numbers or of yes and no; none where there
            are classes.
        metrics: Beside the loss; the first is the one that curves and comparisons show.
    """

    kind: ClassVar[str]
    combine: ClassVar[str]
    answers_are_probabilities: ClassVar[bool] = False
    metrics: ClassVar[tuple[Metric, ...]]
    class_names: tuple[str, ...]
    target_names: tuple[str, ...]

    @property
    @abstractmethod
    def num_outputs(self) -> int:
        """Width of the network's output."""

    @property
    def main_metric(self) -> Metric:
        """The metric that curves and comparisons show."""
        return self.metrics[0]

    def losses_of_runs(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Compute the training loss of several networks side by side.

        Args:
            outputs: Of shape (runs, n, outputs).
            targets: One row of targets for each run.

        Returns:
            The mean loss of every run, of shape (runs,).
        """
        return torch.stack([self.loss(o, t) for o, t in zip(outputs, targets, strict=True)])

    @abstractmethod
    def fitted(self, targets: Tensor, options: LossOptions, weights: Tensor | None = None) -> Task:
        """Learn what the train part says about the targets, and take the options of the loss.

        Args:
            targets: Of the train part, as data holds them.
            options: What the user chose about the training loss.
            weights: How much each example counts, of shape (n,), none negative; whole numbers
                count as that many examples.

        Returns:
            The task to train with.

        Raises:
            ValueError: If an option is none of this task.
        """

    def doubts(self, targets: Tensor) -> tuple[str, ...]:  # noqa: ARG002 - few tasks ask
        """Say where the task may not be what the user means, or its metric says little.

        Args:
            targets: Of the train part, as data holds them.

        Returns:
            One line each.
        """
        return ()

    @abstractmethod
    def plain(self) -> Task:
        """Give the task without options of the training loss, as evaluations have it."""

    @abstractmethod
    def prepare(self, targets: Tensor) -> Tensor:
        """Turn targets as data holds them into targets as the loss takes them.

        Args:
            targets: Of a split.

        Returns:
            The same number of targets.
        """

    @abstractmethod
    def fit_linear(
        self,
        inputs: Tensor,
        targets: Tensor,
        *,
        penalty: float,
        model: LinearModel,
        intercept: bool,
    ) -> tuple[Tensor, Tensor | None]:
        """Fit a linear model that answers the task, for a network to start at.

        Args:
            inputs: Of shape (n, features), on the CPU.
            targets: As `prepare` gives them.
            penalty: Of the linear model, see `qimlp.tasks.linear_models`.
            model: `"ridge"` or `"svm"`.
            intercept: Whether there is a bias.

        Returns:
            Weight of shape (outputs, features) and bias of shape (outputs,) or None, `float64`.

        Raises:
            ValueError: If the task has no such model, or the inputs are all the same.
        """

    @abstractmethod
    def sharpness(self, outputs: Tensor, targets: Tensor) -> float:
        """Find the common factor that turns a linear model's outputs into the network's.

        Args:
            outputs: Of the model of `fit_linear`, of shape (n, outputs).
            targets: As `prepare` gives them.

        Returns:
            The factor with the lowest training loss.
        """

    @abstractmethod
    def answers(self, outputs: Tensor) -> Tensor:
        """Turn outputs into answers in the targets' own terms.

        Args:
            outputs: Of shape (n, outputs).

        Returns:
            Probabilities or values, of shape (n, outputs).
        """

    @abstractmethod
    def decide(self, answers: Tensor) -> NDArray[Any]:
        """Turn answers into one prediction for each example.

        Args:
            answers: From `answers`, on the CPU.

        Returns:
            Predictions, n of them.
        """

    @abstractmethod
    def columns(self, answers: Tensor) -> dict[str, list[object]]:
        """Write answers as the columns of a table.

        Args:
            answers: From `answers`, on the CPU.

        Returns:
            Columns by name, one entry for each example.
        """

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Give plain data for JSON.

        Returns:
            What `qimlp.tasks.task_from_dict` makes the task of; how it was trained is left out.
        """
