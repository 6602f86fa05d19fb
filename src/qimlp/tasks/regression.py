"""One or several numbers for each example."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import huber_loss, mse_loss

from qimlp.tasks.linear_models import LinearModel, ridge
from qimlp.tasks.task import LossOptions, Metric, Task

R2 = Metric("r2", "R2", most=1.0)
RMSE = Metric("rmse", "RMSE", higher_is_better=False)
MAE = Metric("mae", "MAE", higher_is_better=False)

RegressionLoss = Literal["mse", "huber"]
"""Loss of standardised targets: squares, or Huber's, which grows linearly beyond 1."""

_MEAN = 1  # the code of reduction="mean" in torch's operators


@dataclass(frozen=True)
class TargetScore:
    """How a network does on one target.

    Attributes:
        r2: Part of the target's variance that is explained; 0 for a target that never varies.
        rmse: Root of the mean squared error, in the target's own unit.
        mae: Mean absolute error, in the target's own unit.
    """

    r2: float
    rmse: float
    mae: float


@dataclass(frozen=True)
class RegressionEvaluation:
    """How a network does on one set of examples with targets.

    Attributes:
        examples: Their number.
        loss: Mean training loss, of standardised targets.
        scores: One for each target.
        target_names: Names of the targets, in order.
    """

    examples: int
    loss: float
    scores: tuple[TargetScore, ...]
    target_names: tuple[str, ...]

    @property
    def metrics(self) -> dict[str, float]:
        """``loss``, ``r2``, ``rmse`` and ``mae``, each the mean over the targets."""
        count = len(self.scores)
        return {
            "loss": self.loss,
            "r2": sum(score.r2 for score in self.scores) / count,
            "rmse": sum(score.rmse for score in self.scores) / count,
            "mae": sum(score.mae for score in self.scores) / count,
        }

    def table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Show every target.

        Returns:
            Column titles, and a row of text for each target.
        """
        rows: list[tuple[str, ...]] = [
            (name, f"{score.r2:.4f}", f"{score.rmse:.5g}", f"{score.mae:.5g}")
            for name, score in zip(self.target_names, self.scores, strict=True)
        ]
        return ("target", "R2", "RMSE", "MAE"), rows

    def to_dict(self) -> dict[str, Any]:
        """Give plain data for JSON.

        Returns:
            Numbers over all targets, and the scores of each.
        """
        named = zip(self.target_names, self.scores, strict=True)
        return {
            "examples": self.examples,
            **self.metrics,
            "per_target": [{"target": name, **asdict(score)} for name, score in named],
        }


class _Sums:
    """Errors, and what the targets vary by, summed over batches in standardised units."""

    def __init__(self, task: Regression, device: torch.device) -> None:
        precise = torch.float32 if device.type == "mps" else torch.float64
        self._task = task
        self._loss = torch.zeros((), dtype=precise, device=device)
        # Rows: examples, squared and absolute errors, targets and their squares.
        self._sums = torch.zeros(5, task.num_outputs, dtype=precise, device=device)

    def add(self, outputs: Tensor, targets: Tensor) -> None:
        self._loss += self._task.loss(outputs, targets) * len(targets)
        exact = targets.to(self._sums.dtype)
        errors = outputs.to(self._sums.dtype) - exact
        parts = (torch.ones_like(exact), errors.square(), errors.abs(), exact, exact.square())
        self._sums += torch.stack([part.sum(dim=0) for part in parts])

    def sums(self) -> list[Tensor]:
        return [self._loss, self._sums]

    def evaluation(self, sums: Sequence[Tensor]) -> RegressionEvaluation:
        loss, columns = sums[0].item(), sums[1].T.tolist()
        examples = int(columns[0][0])
        if examples == 0:
            raise ValueError("nothing to evaluate: expected at least one example with its target")
        scores = tuple(
            _score(column, unit) for column, unit in zip(columns, self._task.scale, strict=True)
        )
        return RegressionEvaluation(examples, loss / examples, scores, self._task.target_names)


def _score(sums: Sequence[float], unit: float) -> TargetScore:
    count, squares, absolute, total, total_squares = sums
    spread = total_squares - total**2 / count
    # A target that never varies has nothing to explain.
    r2 = 1 - squares / spread if spread > 1e-12 * max(total_squares, 1e-300) else 0.0
    return TargetScore(r2, unit * (squares / count) ** 0.5, unit * absolute / count)


@dataclass(frozen=True)
class Regression(Task):
    """Numbers; the epoch with the lowest dev loss is the best.

    The network is trained on standardised targets, and answers in the targets' own units.

    Attributes:
        target_names: Names of the targets, in the order of the outputs.
        shift: Mean of each target over the train part.
        scale: Standard deviation of each target over the train part, greater than 0.
        training_loss: ``"mse"`` or ``"huber"``, of standardised targets.
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

    def tally(self, device: torch.device) -> _Sums:
        """Begin an evaluation; see `Task.tally`."""
        return _Sums(self, device)

    def is_better(self, metrics: Mapping[str, float], than: Sequence[Mapping[str, float]]) -> bool:
        """Say whether the loss is lower than in all epochs before."""
        return all(metrics["loss"] < earlier["loss"] for earlier in than)

    def fitted(self, targets: Tensor, options: LossOptions) -> Regression:
        """Learn mean and standard deviation of each target.

        Args:
            targets: Of the train part, of shape (n, targets), ``float64``.
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

    def prepare(self, targets: Tensor) -> Tensor:
        """Standardise targets.

        Args:
            targets: Of shape (n, targets), in their own units, ``float64``.

        Returns:
            ``float32`` of the same shape.
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
            Values of shape (n, targets), ``float64`` where the device has it.
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
