"""Cross-entropy and its gradient in torch's own operations, without a graph."""

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import nll_loss

from qimlp.ops import log_softmax_backward


def loss_and_gradient(logits: Tensor, labels: Tensor, smoothing: float) -> tuple[Tensor, Tensor]:
    """Compute the mean cross-entropy and its gradient, in the operations that torch takes for them.

    `torch.nn.functional.cross_entropy` is the definition; the bits are the same.

    Args:
        logits: Of shape (n, classes), without a graph.
        labels: Class numbers of shape (n,).
        smoothing: Part of the target that is spread over all classes, from 0 to below 1.

    Returns:
        The loss, 0-d, in nats, and its gradient by the logits, of shape (n, classes).
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
