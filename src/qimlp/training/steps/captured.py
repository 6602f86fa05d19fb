"""One optimizer step as a CUDA graph, for networks whose steps are too short to launch.

A step of a network of a few thousand parameters is dozens of kernels of a few microseconds,
and launching each from Python takes longer than running it. Recorded once, they are all launched
by one call.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.optim import Adam, AdamW, Optimizer

from qimlp.ops import recorded_launches
from qimlp.training.steps.snapshot import StepSnapshot

_WARM_UP_STEPS = 3  # libraries set themselves up, kernels are tuned, the optimizer makes its state


class CapturedStep:
    """Forward pass, loss, backward pass and optimizer step, recorded at the first batch.

    The random numbers of a recorded step (dropout) are others than those of a plain one.
    A batch of another shape, such as a short last one, takes the same step without the recording.
    Learning rates are read at every step: they are held in tensors, which torch's schedules write
    to. Everything else of the optimizer's groups is fixed by the recording.

    Args:
        model: The network, not wrapped, in training mode and on a CUDA device.
        optimizer: `Adam` or `AdamW` over its parameters; its groups are made capturable. A stored
            state must be loaded before.
        compute_loss: Maps a batch's (inputs, targets) to the loss, a 0-d tensor, by running the
            model. It must not wait for the device (no `.item()`), nor depend on values in Python.

    Raises:
        ValueError: If the model is not on a CUDA device.
        TypeError: If the optimizer is another one.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: Optimizer,
        compute_loss: Callable[[Tensor, Tensor], Tensor],
    ) -> None:
        devices = {parameter.device for parameter in model.parameters()}
        device = next(iter(devices), torch.device("cpu"))
        if len(devices) > 1 or device.type != "cuda":
            where = ", ".join(sorted(map(str, devices or {device})))
            raise ValueError(
                f"a captured step needs the whole model on one CUDA device, it is on {where}; "
                "train without capture there"
            )
        if not isinstance(optimizer, (Adam, AdamW)):
            raise TypeError(
                f"a captured step needs Adam or AdamW, got {type(optimizer).__name__}; "
                "train without capture"
            )
        for group in optimizer.param_groups:
            group["capturable"] = True
            group["lr"] = torch.as_tensor(group["lr"], dtype=torch.float32, device=device)
        self._model = model
        self._optimizer = optimizer
        self._compute_loss = compute_loss
        self._device = device
        self._recorded: _Recording | None = None

    def __call__(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Take one step.

        Args:
            inputs: (n, features), on the model's device.
            targets: The n targets, there too.

        Returns:
            The loss before the step, 0-d.
        """
        if self._recorded is None:
            with torch.cuda.device(self._device), recorded_launches():
                self._recorded = self._record(inputs, targets)
        if self._recorded.fits(inputs, targets):
            return self._recorded.replay(inputs, targets)
        self._optimizer.zero_grad(set_to_none=True)
        return self._step(inputs, targets)

    def _step(self, inputs: Tensor, targets: Tensor) -> Tensor:
        loss = self._compute_loss(inputs, targets)
        loss.backward()
        self._optimizer.step()
        return loss.detach()

    def _record(self, inputs: Tensor, targets: Tensor) -> _Recording:
        """Warm up on a side stream, take that back, then record; nothing has run by then."""
        inputs, targets = inputs.clone(), targets.clone()
        before = StepSnapshot(self._model, self._optimizer)
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UP_STEPS):
                self._optimizer.zero_grad(set_to_none=True)
                self._step(inputs, targets)
            before.restore()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            loss = self._step(inputs, targets)
        return _Recording(graph, inputs, targets, loss)


class _Recording:
    """A graph with the tensors that it reads and writes."""

    def __init__(
        self, graph: torch.cuda.CUDAGraph, inputs: Tensor, targets: Tensor, loss: Tensor
    ) -> None:
        self._graph = graph
        self._inputs = inputs
        self._targets = targets
        self._loss = loss

    def fits(self, inputs: Tensor, targets: Tensor) -> bool:
        return all(
            given.shape == held.shape and given.dtype == held.dtype
            for given, held in ((inputs, self._inputs), (targets, self._targets))
        )

    def replay(self, inputs: Tensor, targets: Tensor) -> Tensor:
        self._inputs.copy_(inputs)
        self._targets.copy_(targets)
        self._graph.replay()
        return self._loss.clone()  # the next replay overwrites it
