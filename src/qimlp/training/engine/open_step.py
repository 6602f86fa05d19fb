"""The one place that chooses how an optimizer step is taken: plain, direct or captured."""

from typing import Any

import torch
from torch import Tensor

from qimlp.data import Batches
from qimlp.distributed import ProcessGroup
from qimlp.models import TextNetwork, inner_network
from qimlp.predictor import cast_inputs
from qimlp.settings import ComputeSettings, OptimisationSettings
from qimlp.tasks import Objective
from qimlp.training.engine.train_state import TrainState
from qimlp.training.optim.fused_update import can_update
from qimlp.training.steps.captured import CapturedStep
from qimlp.training.steps.direct import DirectStep
from qimlp.training.steps.plain import PlainStep
from qimlp.training.steps.shared import shared_loss
from qimlp.training.steps.step import Step, for_members


def check_step(
    optimisation: OptimisationSettings, compute: ComputeSettings, processes: ProcessGroup
) -> None:
    """Refuse a step that the processes or the device cannot take.

    Args:
        optimisation: `optimizer`.
        compute: `captured_step`.
        processes: Processes and device.

    Raises:
        ValueError: If a captured step is `"on"` without CUDA, or it or the full-matrix optimizer
            is asked for with several processes.
    """
    if optimisation.optimizer == "full-matrix" and processes.size > 1:
        raise ValueError(
            f"optimizer full-matrix: expected one process, got {processes.size}, whose "
            "eigenvectors may differ; use adamw"
        )
    if compute.captured_step == "on" and not can_capture(processes):
        raise ValueError(
            "captured_step 'on': expected one process on a CUDA device, got "
            f"{processes.size} on {processes.device.type}; say 'auto' or 'off'"
        )


def can_capture(processes: ProcessGroup) -> bool:
    """Whether steps can be captured: one process, on a CUDA device."""
    return processes.size == 1 and processes.device.type == "cuda"


def open_step(
    state: TrainState,
    batches: Batches,
    task: Objective,
    optimisation: OptimisationSettings,
    compute: ComputeSettings,
) -> Step:
    """Choose how the steps of a training are taken.

    Args:
        state: Its stored state, if it has one, is loaded: what is captured stays where it is.
        batches: The training batches; each process has its share of them.
        task: What the network is trained to do.
        optimisation: `optimizer`.
        compute: `captured_step` and precision.

    Returns:
        The step.

    Raises:
        ValueError: See `check_step`.
    """
    check_step(optimisation, compute, state.processes)
    forward, optimizer = state.forward, state.optimizer
    autocast = state.processes.autocast(compute.mixed_precision)
    dtype = getattr(torch, compute.dtype)

    def compute_outputs(inputs: Any) -> Tensor:
        with autocast:
            outputs: Tensor = forward(cast_inputs(inputs, dtype))
        return outputs.float()

    loss = shared_loss(
        task, state.processes, lambda: batches.share(state.progress.step % state.steps_per_epoch)
    )

    def compute_loss(inputs: Any, targets: Tensor) -> Tensor:
        return loss.loss(compute_outputs(inputs), for_members(targets, state.network.members))

    # Texts differ in length; a recorded step takes one shape, and does the same every time.
    of_texts = isinstance(inner_network(state.network), TextNetwork)
    changing = of_texts or optimisation.optimizer == "full-matrix"
    wanted = compute.captured_step != "off" and not changing
    if wanted and can_capture(state.processes):
        return CapturedStep(state.network, optimizer, compute_loss)
    if can_update(optimizer):
        return DirectStep(optimizer, compute_outputs, loss, members=state.network.members)
    return PlainStep(optimizer, compute_loss)
