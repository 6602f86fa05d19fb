"""What one optimizer step changes, kept aside and put back."""

from __future__ import annotations

from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer


class StepSnapshot:
    """Weights, buffers, optimizer state and random states at one moment.

    Putting them back writes into the tensors that are there by then, so that a recorded CUDA graph
    keeps its addresses. Optimizer state that came up since is set to zero, which is what Adam
    starts from.

    Args:
        model: The model, all of it on one device.
        optimizer: Of the Adam family.
    """

    def __init__(self, model: nn.Module, optimizer: Optimizer) -> None:
        self._optimizer = optimizer
        self._tensors = [tensor.detach() for tensor in chain(model.parameters(), model.buffers())]
        self._kept = [tensor.clone() for tensor in self._tensors]
        self._state: dict[Tensor, dict[str, Any]] = {
            parameter: {k: v.clone() for k, v in state.items() if isinstance(v, Tensor)}
            for parameter, state in optimizer.state.items()
        }
        self._cpu_random = torch.get_rng_state()
        device = self._tensors[0].device
        self._cuda_random = torch.cuda.get_rng_state(device) if device.type == "cuda" else None
        self._device = device

    def restore(self) -> None:
        """Put everything back and clear the gradients."""
        for tensor, kept in zip(self._tensors, self._kept, strict=True):
            tensor.copy_(kept)
        for parameter, state in self._optimizer.state.items():
            before = self._state.get(parameter, {})
            for key, value in state.items():
                if isinstance(value, Tensor):
                    value.copy_(before[key]) if key in before else value.zero_()
        self._optimizer.zero_grad(set_to_none=True)
        torch.set_rng_state(self._cpu_random)
        if self._cuda_random is not None:
            torch.cuda.set_rng_state(self._cuda_random, self._device)
