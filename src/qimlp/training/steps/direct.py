"""One optimizer step on the CPU that goes to torch's operations by the shortest way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.optim import Optimizer

from qimlp.ops import run_backward
from qimlp.training.optim.fused_update import FusedUpdate
from qimlp.training.steps.step import TrainingLoss, for_members


class DirectStep:
    """Forward pass, loss, backward pass and update: the plain step's numbers, bit for bit.

    A step of a network of a few thousand parameters takes a millisecond, a quarter of which is
    spent around the operations that compute something. Here the loss has no graph of its own, the
    backward pass starts in the engine at once, and `FusedUpdate` follows.

    Args:
        optimizer: Over the model's parameters, one that `can_update` accepts.
        compute_outputs: Maps a batch's inputs to outputs, (n, outputs), by running the network.
        task: Gives the loss and its gradient.
        members: Of the network; see `for_members`.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        compute_outputs: Callable[[Any], Tensor],
        task: TrainingLoss,
        *,
        members: int = 1,
    ) -> None:
        self._compute_outputs = compute_outputs
        self._task = task
        self._members = members
        self._update = FusedUpdate(optimizer)

    def __call__(self, inputs: Any, targets: Tensor) -> Tensor:
        """Take one step; see `Step`."""
        outputs = self._compute_outputs(inputs)
        repeated = for_members(targets, self._members)
        loss, gradient = self._task.loss_and_gradient(outputs.detach(), repeated)
        run_backward(outputs, gradient)
        self._update()
        return loss
