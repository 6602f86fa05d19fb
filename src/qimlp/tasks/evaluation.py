"""What training goes by: a loss, and how a network does on a set of examples."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor


class Evaluation(Protocol):
    """How a network does on one set of examples.

    Attributes:
        examples: Their number.
        metrics: `loss` (mean over the examples) and the task's metrics, by name.
    """

    @property
    def examples(self) -> int:
        """Their number."""

    @property
    def metrics(self) -> dict[str, float]:
        """`loss` and the task's metrics, by name."""

    def table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Show the parts of the evaluation, one row for each class or target.

        Returns:
            Column titles, and rows of text.
        """

    def to_dict(self) -> dict[str, Any]:
        """Give plain data for JSON.

        Returns:
            Everything the evaluation holds.
        """


class Tally(Protocol):
    """Sums over batches that make an `Evaluation`; the device is asked for numbers at the end."""

    def add(self, outputs: Tensor, targets: Tensor) -> None:
        """Count one batch.

        Args:
            outputs: What the network gives, of shape (n, outputs), `float32`.
            targets: As the task's batches hold them.
        """

    def sums(self) -> list[Tensor]:
        """Give what must be added up over the processes.

        Returns:
            Tensors of the same shapes in every process.
        """

    def evaluation(self, sums: Sequence[Tensor]) -> Evaluation:
        """Turn sums into an evaluation.

        Args:
            sums: From `sums`, added up over the processes.

        Returns:
            The evaluation.

        Raises:
            ValueError: If no example was counted.
        """


class Objective(ABC):
    """What the training loop asks of a task, or of anything else that a network is trained for."""

    @abstractmethod
    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Compute the training loss: the definition.

        Args:
            outputs: Of shape (n, outputs), `float32`.
            targets: As the training batches hold them.

        Returns:
            The mean over the examples, 0-d.
        """

    def loss_and_gradient(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the training loss and its gradient without a graph: the bits of `loss`.

        Args:
            outputs: Of shape (n, outputs), without a graph.
            targets: As the training batches hold them.

        Returns:
            The loss, 0-d, and its gradient by the outputs, of shape (n, outputs).
        """
        with torch.enable_grad():
            leaf = outputs.detach().requires_grad_()
            loss = self.loss(leaf, targets)
        return loss.detach(), torch.autograd.grad(loss, leaf)[0]

    def weight(self, targets: Tensor) -> Tensor | None:  # noqa: ARG002 - of the protocol
        """What the mean in `loss` divides by, a sum over the examples.

        Args:
            targets: As the training batches hold them.

        Returns:
            The sum, 0-d; None where it is the number of examples.
        """
        return None

    @abstractmethod
    def tally(self, device: torch.device) -> Tally:
        """Begin an evaluation.

        Args:
            device: Where outputs and targets lie.

        Returns:
            Sums that are still zero.
        """

    @abstractmethod
    def is_better(self, metrics: Mapping[str, float], than: Sequence[Mapping[str, float]]) -> bool:
        """Say whether an epoch is better than all before it, by its evaluation on dev.

        Args:
            metrics: `loss` and metrics of the epoch.
            than: Those of the epochs before; there may be none.

        Returns:
            True where its weights are the ones to keep.
        """
