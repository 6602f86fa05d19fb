"""Evaluate a network on batches."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from qimlp.distributed import ProcessGroup
from qimlp.tasks import Evaluation, Objective


@torch.inference_mode()
def evaluate(
    network: nn.Module,
    batches: Iterable[tuple[Any, Tensor]],
    *,
    task: Objective,
    processes: ProcessGroup,
) -> Evaluation:
    """Evaluate a network; the device is asked for numbers once, at the end.

    Args:
        network: Maps inputs, such as a tensor of shape (n, features), to (n, outputs); it is put
            in evaluation mode and back.
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
        tally.add(network(cast_inputs(inputs, dtype)).float(), targets)
    network.train(was_training)
    return tally.evaluation([processes.sum(part) for part in tally.sums()])


def cast_inputs(inputs: Any, dtype: torch.dtype) -> Any:
    """Give a batch's inputs the dtype that the network computes in.

    Args:
        inputs: A tensor, or anything else that the network is called with.
        dtype: The dtype.

    Returns:
        The tensor in that dtype; anything else as it is.
    """
    return inputs.to(dtype) if isinstance(inputs, Tensor) else inputs
