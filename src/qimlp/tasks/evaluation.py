"""How a network does on a set of examples: the sums over batches, and what comes of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

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
