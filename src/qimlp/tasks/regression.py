"""One or several numbers for each example."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import huber_loss, mse_loss

from qimlp.tasks.linear_models import LinearModel, ridge
from qimlp.tasks.target_scores import ErrorSums
from qimlp.tasks.task import LossOptions, Metric, Task

R2 = Metric("r2", "R2", most=1.0)
RMSE = Metric("rmse", "RMSE", higher_is_better=False)
MAE = Metric("mae", "MAE", higher_is_better=False)

RegressionLoss = Literal["mse", "huber"]
"""Loss of standardised targets: squares, or Huber's, which grows linearly beyond 1."""

_MEAN = 1  # the code of reduction="mean" in torch's operators


@dataclass(frozen=True)
class Regression(Task):
    """Numbers; the epoch with the lowest dev loss is the best.

    The network is trained on standardised targets, and answers in the targets' own units.

    Attributes:
        target_names: Names of the targets, in the order of the outputs.
        shift: Mean of each target over the train part.
        scale: Standard deviation of each target over the train part, greater than 0.
        training_loss: `"mse"` or `"huber"`, of standardised targets.
    """

    target_names: tuple[str, ...]
    shift: tuple[float, ...]
    scale: tuple[float, ...]
    training_loss: RegressionLoss = "mse"

    kind: ClassVar[str] = "regression"
    metrics: ClassVar[tuple[Metric, ...]] = (R2, RMSE, MAE)
    class_names: ClassVar[tuple[str, ...]] = ()  # type: ignore[misc]

    @classmethod
    def of(cls, target_names: tuple[str, ...]) -> Regression:
        """Describe targets whose scale is not known yet.

        Args:
            target_names: Names of the targets.

        Returns:
            The task; `fitted` learns the scale.
        """
        count = len(target_names)
        return cls(target_names, (0.0,) * count, (1.0,) * count)

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

    def is_better(self, metrics: Mapping[str, float], than: Sequence[Mapping[str, float]]) -> bool:
        """Say whether the loss is lower than in all epochs before."""
        return all(metrics["loss"] < earlier["loss"] for earlier in than)

    def fitted(self, targets: Tensor, options: LossOptions) -> Regression:
        """Learn mean and standard deviation of each target.

        Args:
            targets: Of the train part, of shape (n, targets), `float64`.
            options: What the user chose.

        Returns:
            The task to train with; a target that never varies keeps its scale.

        Raises:
            ValueError: If an option of classification is set.
        """
        if options.balanced:
            raise ValueError("class_weights are for classification: regression has no classes")
        exact = targets.double()
        shift = exact.mean(dim=0)
        scale = (exact - shift).square().mean(dim=0).sqrt()
        scale = torch.where(scale > 0, scale, 1.0)
        loss: RegressionLoss = "huber" if options.huber else "mse"
        return Regression(self.target_names, tuple(shift.tolist()), tuple(scale.tolist()), loss)

    def plain(self) -> Regression:
        """Give the task with the squared error as its loss."""
        return replace(self, training_loss="mse")

    def prepare(self, targets: Tensor) -> Tensor:
        """Standardise targets.

        Args:
            targets: Of shape (n, targets), in their own units, `float64`.

        Returns:
            `float32` of the same shape.
        """
        shift, scale = (torch.tensor(v, dtype=torch.float64) for v in (self.shift, self.scale))
        return ((targets.double() - shift) / scale).float()

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
        precise = torch.float32 if outputs.device.type == "mps" else torch.float64
        shift, scale = (
            torch.tensor(v, dtype=precise, device=outputs.device) for v in (self.shift, self.scale)
        )
        return outputs.to(precise) * scale + shift

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

    def to_dict(self) -> dict[str, Any]:
        """Give the kind, and names and scale of the targets."""
        return {
            "kind": self.kind,
            "target_names": list(self.target_names),
            "shift": list(self.shift),
            "scale": list(self.scale),
        }
