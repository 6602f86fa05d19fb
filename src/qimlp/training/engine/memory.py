"""How much memory one training step needs, counted rather than guessed.

On the CPU the process's size says little about a model of a few thousand parameters, so the
bytes are counted: what training keeps between steps (parameters, gradients, optimizer state,
averaged weights) and what one forward pass keeps for its backward pass. On CUDA the allocator's
peak is reported beside them.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from qimlp.tasks import Task


def training_memory(
    model: nn.Module,
    optimizer: Optimizer,
    average: nn.Module | None,
    task: Task,
    inputs: Tensor,
    targets: Tensor,
) -> dict[str, int]:
    """Count the bytes of one training step. Torch's random state is left as it was.

    Args:
        model: The trained model, not wrapped, in training mode.
        optimizer: After at least one step.
        average: The averaged model, or None.
        task: Gives the loss.
        inputs: One batch, of shape (n, features).
        targets: Its targets.

    Returns:
        Bytes: `parameters`, `gradients`, `optimizer`, `average`, `activations` (saved
        for the backward pass), their sum `total`, and on CUDA the allocator's `cuda_peak`.
    """
    parameters = _bytes(model.parameters())
    states = (value for state in optimizer.state.values() for value in state.values())
    memory = {
        "parameters": parameters,
        "gradients": _bytes(p for p in model.parameters() if p.requires_grad),
        "optimizer": _bytes(value for value in states if isinstance(value, Tensor)),
        "average": 0 if average is None else _bytes(average.parameters()),
        "activations": _saved_for_backward(model, task, inputs, targets),
    }
    memory["total"] = sum(memory.values())
    if inputs.device.type == "cuda":
        memory["cuda_peak"] = torch.cuda.max_memory_allocated(inputs.device)
    return memory


def _bytes(tensors: Iterable[Tensor]) -> int:
    """Bytes of the distinct storages behind some tensors."""
    storages = (tensor.untyped_storage() for tensor in tensors)
    return sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values())


def _saved_for_backward(model: nn.Module, task: Task, inputs: Tensor, targets: Tensor) -> int:
    """Bytes that autograd keeps of one forward pass; storages of parameters do not count."""
    own = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    saved: list[Tensor] = []  # kept alive, so that no address is used twice

    def pack(tensor: Tensor) -> Tensor:
        saved.append(tensor)
        return tensor

    devices = [inputs.device.index or 0] if inputs.device.type == "cuda" else []
    with (
        torch.random.fork_rng(devices),
        torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t),
    ):
        loss = task.loss(model(inputs), targets)
    held = _bytes(tensor for tensor in saved if tensor.untyped_storage().data_ptr() not in own)
    del loss
    return held
