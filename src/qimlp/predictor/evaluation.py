"""Evaluate a network on batches."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from qimlp.distributed import ProcessGroup
from qimlp.tasks import Evaluation, Task


@torch.inference_mode()
def evaluate(
    network: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    *,
    task: Task,
    processes: ProcessGroup,
) -> Evaluation:
    """Evaluate a network; the device is asked for numbers once, at the end.

    Args:
        network: Maps inputs of shape (n, features) to (n, outputs); it is put in evaluation mode
            and back.
        batches: Inputs and targets of this process, on its device.
        task: Says what counts.
        processes: The processes whose sums are added up.

    Returns:
        The evaluation over all processes.

    Raises:
        ValueError: If there is no example.
    """
    was_training = network.training
    network.eval()
    dtype = next(network.parameters()).dtype
    tally = task.tally(processes.device)
    for inputs, targets in batches:
        tally.add(network(inputs.to(dtype)).float(), targets)
    network.train(was_training)
    return tally.evaluation([processes.sum(part) for part in tally.sums()])
