"""From rows that are ready for a network to answers in the targets' own terms."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor

from qimlp.models import TableNetwork
from qimlp.tasks import Task

_PRECISE_ROWS = 256
"""Up to how many rows are answered in `float64`: then one row has the same answer among others."""

_ROWS = 2048  # at a time


class Answering:
    """A network that answers, in evaluation mode.

    Args:
        network: The network; it is not changed.
        task: What its outputs mean.
    """

    def __init__(self, network: TableNetwork, task: Task) -> None:
        self._network = network
        self._task = task
        self._precise: TableNetwork | None = None

    @torch.inference_mode()
    def __call__(self, inputs: Tensor) -> Tensor:
        """Answer rows.

        Args:
            inputs: Of shape (n, columns), on the CPU.

        Returns:
            Answers of shape (n, outputs), `float64`, on the CPU.

        Raises:
            ValueError: If an answer is not a finite number.
        """
        network = self._double() if len(inputs) <= _PRECISE_ROWS else self._network
        weight = next(network.parameters())
        parts = [
            self._task.answers(network(part.to(weight.device, weight.dtype))).cpu().double()
            for part in inputs.split(_ROWS)
        ]
        answers = torch.cat(parts)
        if not bool(torch.isfinite(answers).all()):
            raise ValueError(
                "the network's answers are not finite numbers: its weights are damaged, or the "
                "rows are far from all that it was trained on"
            )
        return answers

    def _double(self) -> TableNetwork:
        if next(self._network.parameters()).device.type == "mps":  # it has no float64
            return self._network
        if self._precise is None:
            self._precise = copy.deepcopy(self._network).double().eval()
        return self._precise


@dataclass(frozen=True)
class Prepared:
    """Rows that are inputs of the network already: what a scorer gets during a fit.

    Attributes:
        inputs: Of shape (n, columns).
    """

    inputs: Tensor

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.inputs)
