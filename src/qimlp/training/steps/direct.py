"""One optimizer step on the CPU that goes to torch's operations by the shortest way."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import nll_loss
from torch.optim import Optimizer

from qimlp.ops import log_softmax_backward, run_backward
from qimlp.training.optim.fused_update import FusedUpdate


class DirectStep:
    """Forward pass, loss, backward pass and update: the plain step's numbers, bit for bit.

    A step of a network of a few thousand parameters takes a millisecond, a quarter of which is
    spent around the operations that compute something. Here the loss has no graph of its own, the
    backward pass starts in the engine at once, and `FusedUpdate` follows.

    Args:
        optimizer: Over the model's parameters, one that `can_update` accepts.
        compute_logits: Maps a batch's inputs to logits, (n, classes), by running the model.
        smoothing: Label smoothing.
    """

    def __init__(
        self, optimizer: Optimizer, compute_logits: Callable[[Tensor], Tensor], smoothing: float
    ) -> None:
        self._compute_logits = compute_logits
        self._smoothing = smoothing
        self._update = FusedUpdate(optimizer)

    def __call__(self, inputs: Tensor, labels: Tensor) -> Tensor:
        """Take one step.

        Args:
            inputs: (n, features).
            labels: (n,).

        Returns:
            The loss before the step, 0-d.
        """
        logits = self._compute_logits(inputs)
        loss, gradient = loss_and_gradient(logits.detach(), labels, self._smoothing)
        run_backward(logits, gradient)
        self._update()
        return loss


def loss_and_gradient(logits: Tensor, labels: Tensor, smoothing: float) -> tuple[Tensor, Tensor]:
    """Mean cross-entropy and its gradient, in the operations that torch takes for them.

    `torch.nn.functional.cross_entropy` is the definition; the bits are the same.

    Args:
        logits: (n, classes), without a graph.
        labels: (n,), classes.
        smoothing: Part of the target that is spread over all classes, from 0 to below 1.

    Returns:
        The loss, 0-d, nats, and its gradient by the logits, (n, classes).
    """
    count, classes = logits.shape
    log_probabilities = torch.log_softmax(logits, 1)
    loss = nll_loss(log_probabilities, labels)
    if smoothing:
        spread = log_probabilities.sum(1).sum() / count
        loss = loss * (1 - smoothing) - spread * (smoothing / classes)
    everywhere, at_label = _target_gradients(count, classes, smoothing, logits.dtype)
    outer = everywhere.scatter_add(1, labels.unsqueeze(1), at_label)
    gradient = log_softmax_backward(outer, log_probabilities, logits)
    return loss, gradient


@lru_cache(maxsize=2)  # the batch, and a short last one
def _target_gradients(
    count: int, classes: int, smoothing: float, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """The loss by log-probabilities: (count, classes) of all, (count, 1) more of the label's."""
    one = torch.ones((), dtype=dtype)
    everywhere = -(one * (smoothing / classes)) / count
    at_label = -(one * (1 - smoothing)) / count
    return everywhere.repeat(count, classes), at_label.repeat(count, 1)
