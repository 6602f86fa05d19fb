"""What every way to take an optimizer step has in common."""

from typing import Any, Protocol

import torch
from torch import Tensor


class Step(Protocol):
    """One optimizer step: forward pass, loss, backward pass and update."""

    def __call__(self, inputs: Any, targets: Tensor) -> Tensor:
        """Take one step.

        Args:
            inputs: Of shape (n, features), or what else the network is called with, on its device.
            targets: The n targets, there too.

        Returns:
            The loss before the step, 0-d.
        """


class TrainingLoss(Protocol):
    """What a step asks of a task; see `Objective`."""

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Compute the loss, 0-d."""

    def loss_and_gradient(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the loss and its gradient by the outputs."""


def for_members(targets: Tensor, members: int) -> Tensor:
    """Repeat a batch's targets for a network that answers once for each of its members.

    Args:
        targets: The n targets.
        members: `members` of the network.

    Returns:
        The members * n targets, member after member.
    """
    return targets if members == 1 else torch.cat([targets] * members)
