"""How near numbers come to their targets: R2, RMSE and MAE."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from qimlp.tasks.task import Metric

if TYPE_CHECKING:
    from qimlp.tasks.regression import Regression


R2 = Metric("r2", "R2", most=1.0)
RMSE = Metric("rmse", "RMSE", higher_is_better=False)
MAE = Metric("mae", "MAE", higher_is_better=False)


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
        """`loss`, `r2`, `rmse` and `mae`, each the mean over the targets."""
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


class ErrorSums:
    """Errors, and what the targets vary by, summed over batches in standardised units."""

    def __init__(self, task: Regression, device: torch.device) -> None:
        precise = torch.float32 if device.type == "mps" else torch.float64
        self._task = task
        self._loss = torch.zeros((), dtype=precise, device=device)
        self._sums = torch.zeros(5, task.num_outputs, dtype=precise, device=device)

    def add(self, outputs: Tensor, targets: Tensor) -> None:
        """Count one batch; see `Tally.add`."""
        self._loss += self._task.loss(outputs, targets) * len(targets)
        self._sums += sums_of_errors(outputs.to(self._sums.dtype), targets.to(self._sums.dtype))

    def sums(self) -> list[Tensor]:
        """Give what must be added up over the processes."""
        return [self._loss, self._sums]

    def evaluation(self, sums: Sequence[Tensor]) -> RegressionEvaluation:
        """Turn sums into an evaluation; see `Tally.evaluation`."""
        loss, columns = sums[0].item(), sums[1].T.tolist()
        examples = int(columns[0][0])
        if examples == 0:
            raise ValueError("nothing to evaluate: expected at least one example with its target")
        scores = tuple(
            score_of_errors(column, unit)
            for column, unit in zip(columns, self._task.scale, strict=True)
        )
        return RegressionEvaluation(examples, loss / examples, scores, self._task.target_names)


def sums_of_errors(values: Tensor, targets: Tensor) -> Tensor:
    """Sum over examples what `score_of_errors` needs.

    Args:
        values: What a network answers, standardised, of shape (n, targets).
        targets: Of the same shape.

    Returns:
        Of shape (5, targets): examples, squared and absolute errors, targets and their squares.
    """
    errors = values - targets
    parts = (torch.ones_like(targets), errors.square(), errors.abs(), targets, targets.square())
    return torch.stack([part.sum(dim=0) for part in parts])


def score_of_errors(sums: Sequence[float], unit: float) -> TargetScore:
    """Turn the sums of one target into its scores.

    Args:
        sums: The five of `sums_of_errors`.
        unit: What the target was divided by.

    Returns:
        The scores, in the target's own unit.
    """
    count, squares, absolute, total, total_squares = sums
    spread = total_squares - total**2 / count
    # A target that never varies has nothing to explain.
    r2 = 1 - squares / spread if spread > 1e-12 * max(total_squares, 1e-300) else 0.0
    return TargetScore(r2, unit * (squares / count) ** 0.5, unit * absolute / count)
