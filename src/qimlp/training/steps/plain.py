"""One optimizer step by torch's own calls: the definition of every other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.optim import Optimizer


class PlainStep:
    """Forward pass, loss, backward pass and update, each by the call that is meant for it.

    Args:
        optimizer: Over the network's parameters.
        compute_loss: Maps a batch's inputs and targets to the loss, 0-d.
    """

    def __init__(self, optimizer: Optimizer, compute_loss: Callable[[Any, Tensor], Tensor]) -> None:
        self._optimizer = optimizer
        self._compute_loss = compute_loss

    def __call__(self, inputs: Any, targets: Tensor) -> Tensor:
        """Take one step; see `Step`."""
        loss = self._compute_loss(inputs, targets)
        loss.backward()
        self._optimizer.step()
        self._optimizer.zero_grad()
        return loss.detach()
