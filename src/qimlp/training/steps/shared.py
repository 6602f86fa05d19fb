"""The loss of one process's part of a batch, so that all parts together have that of the whole."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from qimlp.distributed import ProcessGroup
from qimlp.tasks import Objective
from qimlp.training.steps.step import TrainingLoss


class SharedLoss:
    """Scales the loss of a part such that the mean over processes is the loss of the batch.

    Gradients are averaged over processes, each counted alike. Where parts differ in size, or what
    their examples weigh, that is not the mean over the examples: each part has to count by its
    share.

    Args:
        task: Gives the loss of a part.
        processes: All processes.
        share: Gives the number of this process's examples in the present step over the mean of all
            processes.
    """

    def __init__(
        self, task: Objective, processes: ProcessGroup, share: Callable[[], float]
    ) -> None:
        self._task, self._processes, self._share = task, processes, share

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Compute the loss of a part; see `Objective.loss`."""
        factor = self._factor(targets)
        if not len(targets):
            return outputs.sum()  # zero, and a gradient of zeros for every parameter
        return _scaled(self._task.loss(outputs, targets), factor)

    def loss_and_gradient(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the loss of a part and its gradient; see `Objective.loss_and_gradient`."""
        factor = self._factor(targets)
        if not len(targets):
            return outputs.sum(), torch.zeros_like(outputs)
        loss, gradient = self._task.loss_and_gradient(outputs, targets)
        return _scaled(loss, factor), _scaled(gradient, factor)

    def _factor(self, targets: Tensor) -> float | Tensor:
        weight = self._task.weight(targets)
        if weight is None:
            return self._share()
        return weight * self._processes.size / self._processes.sum(weight)


def shared_loss(
    task: Objective, processes: ProcessGroup, share: Callable[[], float]
) -> TrainingLoss:
    """Give the loss that a step takes: the task's own where one process has the whole batch."""
    return task if processes.size == 1 else SharedLoss(task, processes, share)


def _scaled(value: Tensor, factor: float | Tensor) -> Tensor:
    """The value times the factor, in the value's dtype; the same bits where the factor is one."""
    if isinstance(factor, Tensor):
        return value * factor.to(value.dtype)
    return value if factor == 1.0 else value * factor
