"""The training loop of one epoch: the hot path.

A step of a small network takes a fraction of a millisecond, so nothing here waits for the device
or calls into a library that a step does not need; the loss is looked at every few steps.
"""

import math
import time
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from qimlp.data import Batches
from qimlp.distributed import ProcessGroup
from qimlp.training.engine.errors import NonFiniteLossError
from qimlp.training.engine.events import StepsDone
from qimlp.training.engine.progress import Progress
from qimlp.training.optim.schedule import Schedule
from qimlp.training.steps.step import Step


class Average(Protocol):
    """Averaged weights that follow the trained ones."""

    def update(self, step: int) -> None:
        """Follow the weights after an optimizer step."""


class Forward(Protocol):
    """What is called in training."""

    def train(self) -> object:
        """Go into training mode."""


class LoopState(Protocol):
    """What the loop drives: a `TrainState`, or the state of a stack."""

    @property
    def forward(self) -> Forward:
        """What is called in training."""

    @property
    def schedule(self) -> Schedule | None:
        """Stepped once for each optimizer step."""

    @property
    def average(self) -> Average | None:
        """Averaged weights."""

    @property
    def progress(self) -> Progress:
        """Where the training is."""

    @property
    def processes(self) -> ProcessGroup:
        """Processes and device."""

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps of one epoch."""


def train_epoch(
    state: LoopState,
    batches: Batches,
    take: Step,
    *,
    batch_size: int,
    log_every: int,
    should_stop: Callable[[], bool],
    on_steps: Callable[[StepsDone], None],
) -> bool:
    """Train for one epoch, or for what is left of it after an interruption.

    Args:
        state: Changed in place.
        batches: The training batches; every process gets equally many per step.
        take: The optimizer step, from `open_step`.
        batch_size: Examples of one step, over all processes.
        log_every: Steps between two looks at the loss.
        should_stop: Asked after every step (with several processes: at every check).
        on_steps: Called at every check.

    Returns:
        True at the epoch's end, False if asked to stop before.

    Raises:
        NonFiniteLossError: If the loss is not finite.
    """
    schedule, average = state.schedule, state.average
    progress, processes = state.progress, state.processes
    epoch = progress.step // state.steps_per_epoch
    end = (epoch + 1) * state.steps_per_epoch
    batches.set_epoch(epoch, start=progress.step - epoch * state.steps_per_epoch)
    window = _Window(state, batch_size, epoch + 1)
    state.forward.train()
    for inputs, targets in batches:
        window.losses.append(take(inputs, targets))
        if schedule is not None:
            schedule.step()
        if average is not None:
            average.update(progress.step)
        progress.step += 1
        if progress.step % log_every == 0 or progress.step == end:
            report, stopped = window.close(should_stop())
            on_steps(report)
            if stopped and progress.step < end:
                return False
        elif processes.size == 1 and should_stop():
            window.close(True)
            return False
    return True


class _Window:
    """The steps between two looks at the loss.

    Attributes:
        losses: Of its steps; added up at the look, in order.
    """

    def __init__(self, state: LoopState, batch_size: int, epoch: int) -> None:
        self._state = state
        self._batch_size = batch_size
        self._epoch = epoch
        self._begin(state.progress.loss_sum.mean().item())

    def _begin(self, loss_sum: float) -> None:
        self.losses: list[Tensor] = []
        self._loss_sum = loss_sum
        self._step = self._state.progress.step
        self._time = time.perf_counter()

    def close(self, should_stop: bool) -> tuple[StepsDone, bool]:
        """Look at the loss; wait for the device; agree on stopping with the other processes."""
        progress, processes = self._state.progress, self._state.processes
        self._add_up(progress.loss_sum)
        mean = progress.loss_sum.mean()  # over runs, where there are several
        asked = torch.full_like(mean, float(should_stop))
        total, stopped = processes.sum(torch.stack((mean, asked))).tolist()
        loss_sum = total / processes.size
        steps = progress.step - self._step
        seconds = (time.perf_counter() - self._time) / steps
        if not math.isfinite(loss_sum):
            raise NonFiniteLossError(
                f"the training loss became {loss_sum} in epoch {self._epoch}, before step "
                f"{progress.step}"
            )
        progress.window_seconds.append(seconds)
        report = StepsDone(
            epoch=self._epoch,
            step=progress.step,
            loss=(loss_sum - self._loss_sum) / steps,
            samples_per_second=self._batch_size / seconds,
        )
        self._begin(loss_sum)
        return report, stopped > 0

    def _add_up(self, loss_sum: Tensor) -> None:
        """Add the losses one after the other, in double precision."""
        if loss_sum.dim():
            for loss in self.losses:
                loss_sum += loss
            return
        own = loss_sum.item()
        for loss in torch.stack(self.losses).tolist():
            own += loss
        loss_sum.fill_(own)
