"""One or several numbers for each example."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import huber_loss, mse_loss

from qimlp.tasks.linear_models import LinearModel, ridge
from qimlp.tasks.quantiles import Quantiles
from qimlp.tasks.standardised import Standardised, learn_units
from qimlp.tasks.target_scores import MAE, R2, RMSE, ErrorSums
from qimlp.tasks.task import LossOptions, Metric

RegressionLoss = Literal["mse", "huber"]
"""Loss of standardised targets: squares, or Huber's, which grows linearly beyond 1."""

_MEAN = 1  # the code of reduction="mean" in torch's operators


@dataclass(frozen=True)
class Regression(Standardised):
    """Numbers; the epoch with the lowest dev loss is the best.

    The network is trained on standardised targets, and answers in the targets' own units.

    Attributes:
        training_loss: `"mse"` or `"huber"`, of standardised targets.
    """

    training_loss: RegressionLoss = "mse"

    kind: ClassVar[str] = "regression"
    combine: ClassVar[str] = "mean"
    metrics: ClassVar[tuple[Metric, ...]] = (R2, RMSE, MAE)

    @property
    def num_outputs(self) -> int:
        """One output for each target."""
        return len(self.target_names)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Compute the mean loss over examples and targets.

        Args:
            outputs: Of shape (n, targets), standardised.
            targets: Of shape (n, targets), standardised.

        Returns:
            The loss, 0-d.
        """
        if self.training_loss == "huber":
            return huber_loss(outputs, targets)
        return mse_loss(outputs, targets)

    def loss_and_gradient(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the loss and its gradient without a graph; see `Task.loss_and_gradient`."""
        loss = self.loss(outputs, targets)
        one = torch.ones_like(loss)
        if self.training_loss == "huber":
            return loss, torch.ops.aten.huber_loss_backward(one, outputs, targets, _MEAN, 1.0)
        return loss, torch.ops.aten.mse_loss_backward(one, outputs, targets, _MEAN)

    def losses_of_runs(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Compute the loss of several networks side by side; see `Task.losses_of_runs`."""
        loss = huber_loss if self.training_loss == "huber" else mse_loss
        each: Tensor = loss(outputs, targets, reduction="none")
        return each.flatten(1).mean(dim=1)

    def tally(self, device: torch.device) -> ErrorSums:
        """Begin an evaluation; see `Task.tally`."""
        return ErrorSums(self, device)

    def fitted(
        self, targets: Tensor, options: LossOptions, weights: Tensor | None = None
    ) -> Regression | Quantiles:
        """Learn mean and standard deviation of each target; see `learn_units`.

        Args:
            targets: Of the train part, of shape (n, targets), `float64`.
            options: What the user chose.
            weights: How much each example counts, of shape (n,).

        Returns:
            The task to train with, one of quantiles where these are chosen; a target that never
            varies keeps its scale.

        Raises:
            ValueError: If an option of classification is set.
        """
        if options.balanced:
            raise ValueError("class_weights are for classification: regression has no classes")
        if options.quantiles:
            return Quantiles.of(self.target_names, options.quantiles).fitted(
                targets, options, weights
            )
        shift, scale = learn_units(targets, weights, robust=options.robust)
        loss: RegressionLoss = "huber" if options.huber else "mse"
        return Regression(self.target_names, shift, scale, loss)

    def plain(self) -> Regression:
        """Give the task with the squared error as its loss."""
        return replace(self, training_loss="mse")

    def fit_linear(
        self,
        inputs: Tensor,
        targets: Tensor,
        *,
        penalty: float,
        model: LinearModel,
        intercept: bool,
    ) -> tuple[Tensor, Tensor | None]:
        """Fit ridge regression onto the standardised targets; see `Task.fit_linear`."""
        if model != "ridge":
            raise ValueError(f"a {model} tells classes apart: expected ridge for regression")
        return ridge(inputs, targets.to(inputs.dtype), penalty, intercept=intercept)

    def sharpness(self, outputs: Tensor, targets: Tensor) -> float:  # noqa: ARG002 - of the protocol
        """Give 1: the linear model answers in the network's own units."""
        return 1.0

    def answers(self, outputs: Tensor) -> Tensor:
        """Turn outputs into values in the targets' own units.

        Args:
            outputs: Of shape (n, targets).

        Returns:
            Values of shape (n, targets), `float64` where the device has it.
        """
        return self.in_own_units(outputs)

    def decide(self, answers: Tensor) -> NDArray[Any]:
        """Give the values as they are.

        Args:
            answers: Values of shape (n, targets), on the CPU.

        Returns:
            Numbers of shape (n,) for one target, (n, targets) for several.
        """
        values = answers.numpy()
        return values[:, 0] if values.shape[1] == 1 else values

    def columns(self, answers: Tensor) -> dict[str, list[object]]:
        """Write one column for each target, under the target's name.

        Args:
            answers: Values of shape (n, targets), on the CPU.

        Returns:
            The columns.
        """
        return {
            name: column.tolist()
            for name, column in zip(self.target_names, answers.unbind(dim=1), strict=True)
        }
