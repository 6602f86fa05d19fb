"""One optimizer step, as the training loop calls it: plain, direct, or recorded as a CUDA graph."""

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from qimlp.distributed import ProcessGroup
from qimlp.settings import TrainSettings
from qimlp.training.engine.train_state import TrainState
from qimlp.training.optim.fused_update import can_update
from qimlp.training.steps.captured import CapturedStep
from qimlp.training.steps.direct import DirectStep

Step: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""Maps (inputs, labels) to the loss before the step, 0-d."""


def check_step(settings: TrainSettings, processes: ProcessGroup) -> None:
    """Refuse a step that the processes or the device cannot take.

    Args:
        settings: `captured_step`, `optimizer`.
        processes: Processes and device.

    Raises:
        ValueError: If a captured step is ``"on"`` without CUDA, or it or the full-matrix optimizer
            is asked for with several processes.
    """
    if settings.optimizer == "full-matrix" and processes.size > 1:
        raise ValueError(
            f"optimizer full-matrix: expected one process, got {processes.size}, whose "
            "eigenvectors may differ; use adamw"
        )
    if settings.captured_step == "on" and not can_capture(processes):
        raise ValueError(
            "captured_step 'on': expected one process on a CUDA device, got "
            f"{processes.size} on {processes.device.type}; say 'auto' or 'off'"
        )


def can_capture(processes: ProcessGroup) -> bool:
    """Whether steps can be captured: one process, on a CUDA device."""
    return processes.size == 1 and processes.device.type == "cuda"


def open_step(train_state: TrainState, settings: TrainSettings) -> Step:
    """Make the step of a run.

    Args:
        train_state: Its stored state, if it has one, is loaded: what is captured stays where it is.
        settings: `captured_step`, label smoothing, precision.

    Returns:
        The step.

    Raises:
        ValueError: See `check_step`.
    """
    check_step(settings, train_state.processes)
    forward, optimizer = train_state.forward, train_state.optimizer
    autocast = train_state.processes.autocast(settings.mixed_precision)
    dtype, smoothing = getattr(torch, settings.dtype), settings.label_smoothing

    def compute_logits(inputs: Tensor) -> Tensor:
        with autocast:
            logits: Tensor = forward(inputs.to(dtype))
        return logits.float()

    def compute_loss(inputs: Tensor, labels: Tensor) -> Tensor:
        return cross_entropy(compute_logits(inputs), labels, label_smoothing=smoothing)

    def take(inputs: Tensor, labels: Tensor) -> Tensor:
        loss = compute_loss(inputs, labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss.detach()

    # Texts differ in length; a recorded step takes one shape, and does the same every time.
    changing = settings.finetune or settings.optimizer == "full-matrix"
    wanted = settings.captured_step != "off" and not changing
    if wanted and can_capture(train_state.processes):
        return CapturedStep(train_state.model, optimizer, compute_loss)
    if can_update(optimizer):
        return DirectStep(optimizer, compute_logits, smoothing)
    return take
