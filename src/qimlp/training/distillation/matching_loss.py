"""How far a student's answers are from its teacher's: the training loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, kl_div, log_softmax, mse_loss

from qimlp.tasks import Objective

Loss = Literal["mse", "kl", "cosine"]
"""Squared error over the variance of the teacher's answers, the Kullback-Leibler divergence of
class probabilities, or 1 minus the cosine."""


@dataclass(frozen=True)
class MatchingLoss(Objective):
    """The distance of outputs from the teacher's.

    Attributes:
        loss_name: Which distance.
        temperature: What logits are divided by in `"kl"`.
        unit: What the squared error is divided by.
    """

    loss_name: Loss
    temperature: float = 1.0
    unit: float = 1.0

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Compute the mean distance over the rows.

        Args:
            outputs: The student's, of shape (rows, features).
            targets: The teacher's, of the same shape.

        Returns:
            The loss, 0-d.

        Raises:
            ValueError: The shapes differ.
        """
        if outputs.shape != targets.shape:
            raise ValueError(
                f"student: expected answers of shape {tuple(targets.shape)}, as the teacher's, got "
                f"{tuple(outputs.shape)}"
            )
        if self.loss_name == "mse":
            return mse_loss(outputs, targets) / self.unit
        if self.loss_name == "cosine":
            return 1 - cosine_similarity(outputs, targets, dim=1).mean()
        wanted, given = (log_softmax(x / self.temperature, dim=1) for x in (targets, outputs))
        divergence = kl_div(given, wanted, reduction="batchmean", log_target=True)
        return self.temperature**2 * divergence

    def tally(self, device: torch.device) -> _Sums:
        """Begin an evaluation; see `Objective.tally`."""
        return _Sums(self, device)

    def is_better(self, metrics: Mapping[str, float], than: Sequence[Mapping[str, float]]) -> bool:
        """Say whether the loss is lower than in all epochs before."""
        return all(metrics["loss"] < earlier["loss"] for earlier in than)


class _Sums:
    """Losses of batches, weighted by their rows."""

    def __init__(self, objective: MatchingLoss, device: torch.device) -> None:
        precise = torch.float32 if device.type == "mps" else torch.float64
        self._objective = objective
        self._sums = torch.zeros(2, dtype=precise, device=device)

    def add(self, outputs: Tensor, targets: Tensor) -> None:
        """Count one batch; see `Tally.add`."""
        loss = self._objective.loss(outputs, targets).to(self._sums.dtype)
        self._sums += torch.stack((loss, torch.ones_like(loss))) * len(targets)

    def sums(self) -> list[Tensor]:
        """Give what must be added up over the processes."""
        return [self._sums]

    def evaluation(self, sums: Sequence[Tensor]) -> MatchingEvaluation:
        """Turn sums into an evaluation; see `Tally.evaluation`."""
        total, rows = sums[0].tolist()
        if not rows:
            raise ValueError("dev: expected at least one batch, got none")
        return MatchingEvaluation(int(rows), total / rows)


@dataclass(frozen=True)
class MatchingEvaluation:
    """How near a student is to its teacher.

    Attributes:
        examples: Rows that were matched.
        loss: Mean loss over them.
    """

    examples: int
    loss: float

    @property
    def metrics(self) -> dict[str, float]:
        """`loss` alone."""
        return {"loss": self.loss}

    def table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Show the loss."""
        return ("rows", "loss"), [(str(self.examples), f"{self.loss:.5g}")]

    def to_dict(self) -> dict[str, Any]:
        """Give plain data for JSON."""
        return {"examples": self.examples, **self.metrics}
