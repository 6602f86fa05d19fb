"""How well quantiles are met: pinball loss, coverage, and the errors of the middle one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from qimlp.tasks.target_scores import TargetScore, score_of_errors, sums_of_errors

if TYPE_CHECKING:
    from qimlp.tasks.quantiles import Quantiles


@dataclass(frozen=True)
class QuantileScore:
    """How a network does on one target.

    Attributes:
        pinball: Mean pinball loss over examples and quantiles, in the target's own unit.
        coverage: Part of the examples from the lowest to the highest quantile; of a single
            quantile the part at or below it.
        at_or_below: Part of the examples at or below each quantile; at best its level.
        middle: R2, RMSE and MAE of the quantile nearest to the median.
    """

    pinball: float
    coverage: float
    at_or_below: tuple[float, ...]
    middle: TargetScore


@dataclass(frozen=True)
class QuantileEvaluation:
    """How a network does on one set of examples with targets.

    Attributes:
        examples: Their number.
        loss: Mean pinball loss of standardised targets.
        scores: One for each target.
        target_names: Names of the targets, in order.
        quantiles: The levels.
    """

    examples: int
    loss: float
    scores: tuple[QuantileScore, ...]
    target_names: tuple[str, ...]
    quantiles: tuple[float, ...]

    @property
    def metrics(self) -> dict[str, float]:
        """`loss`, `pinball`, `coverage`, and `r2` and `mae` of the middle: means over targets."""
        count = len(self.scores)
        return {
            "loss": self.loss,
            "pinball": sum(score.pinball for score in self.scores) / count,
            "coverage": sum(score.coverage for score in self.scores) / count,
            "r2": sum(score.middle.r2 for score in self.scores) / count,
            "mae": sum(score.middle.mae for score in self.scores) / count,
        }

    def table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Show every target.

        Returns:
            Column titles, and a row of text for each target.
        """
        rows: list[tuple[str, ...]] = [
            (
                name,
                f"{score.pinball:.5g}",
                f"{score.coverage:.1%}",
                *(f"{share:.1%}" for share in score.at_or_below),
                f"{score.middle.r2:.4f}",
                f"{score.middle.mae:.5g}",
            )
            for name, score in zip(self.target_names, self.scores, strict=True)
        ]
        below = (f"at or below q{level}" for level in self.quantiles)
        return ("target", "pinball loss", "coverage", *below, "R2", "MAE"), rows

    def to_dict(self) -> dict[str, Any]:
        """Give plain data for JSON.

        Returns:
            Numbers over all targets, and the scores of each.
        """
        named = zip(self.target_names, self.scores, strict=True)
        return {
            "examples": self.examples,
            **self.metrics,
            "quantiles": list(self.quantiles),
            "per_target": [{"target": name, **asdict(score)} for name, score in named],
        }


class QuantileSums:
    """Pinball losses, what lies below, and errors of the middle, summed over batches."""

    def __init__(self, task: Quantiles, device: torch.device) -> None:
        precise = torch.float32 if device.type == "mps" else torch.float64
        self._task = task
        targets, levels = len(task.target_names), len(task.quantiles)
        self._pinball = torch.zeros(targets, dtype=precise, device=device)
        self._below = torch.zeros(targets, levels, dtype=precise, device=device)
        self._covered = torch.zeros(targets, dtype=precise, device=device)
        self._errors = torch.zeros(5, targets, dtype=precise, device=device)

    def add(self, outputs: Tensor, targets: Tensor) -> None:
        """Count one batch; see `Tally.add`."""
        values, exact = self._task.values(outputs), targets.to(self._pinball.dtype)
        self._pinball += self._task.pinball(values, targets).to(exact.dtype).mean(-1).sum(0)
        below = targets.unsqueeze(-1) <= values
        self._below += below.sum(0)
        inside = below[..., -1]
        if values.shape[-1] > 1:
            inside = inside & (targets >= values[..., 0])
        self._covered += inside.sum(0)
        self._errors += sums_of_errors(values[..., self._task.middle].to(exact.dtype), exact)

    def sums(self) -> list[Tensor]:
        """Give what must be added up over the processes."""
        return [self._pinball, self._below, self._covered, self._errors]

    def evaluation(self, sums: Sequence[Tensor]) -> QuantileEvaluation:
        """Turn sums into an evaluation; see `Tally.evaluation`."""
        pinball, below, covered, errors = (part.cpu() for part in sums)
        examples = int(errors[0, 0])
        if examples == 0:
            raise ValueError("nothing to evaluate: expected at least one example with its target")
        task = self._task
        scores = tuple(
            QuantileScore(
                unit * float(pinball[i]) / examples,
                float(covered[i]) / examples,
                tuple((below[i] / examples).tolist()),
                score_of_errors(errors[:, i].tolist(), unit),
            )
            for i, unit in enumerate(task.scale)
        )
        loss = float(pinball.mean()) / examples
        return QuantileEvaluation(examples, loss, scores, task.target_names, task.quantiles)
