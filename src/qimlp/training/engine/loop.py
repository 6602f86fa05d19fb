"""The training loop of one epoch: the hot path.

A step of a small network takes a fraction of a millisecond, so nothing here waits for the device
or calls into a library that a step does not need; the loss is looked at every few steps.
"""

import math
import time
from collections.abc import Callable

import torch
from torch import Tensor

from qimlp.data import Batches
from qimlp.settings import TrainSettings
from qimlp.training.engine.errors import NonFiniteLossError
from qimlp.training.engine.events import StepsDone
from qimlp.training.engine.train_state import TrainState
from qimlp.training.runs.graceful_interrupt import GracefulInterrupt
from qimlp.training.steps.open_step import Step


def train_epoch(
    train_state: TrainState,
    batches: Batches,
    take: Step,
    settings: TrainSettings,
    stop: GracefulInterrupt,
    on_steps: Callable[[StepsDone], None],
) -> bool:
    """Train for one epoch, or for what is left of it after a resume.

    Args:
        train_state: Changed in place.
        batches: The training batches; every process gets equally many per step.
        take: The optimizer step, from `open_step`.
        settings: How often to check.
        stop: Asked after every step (with several processes: at every check).
        on_steps: Called at every check.

    Returns:
        True at the epoch's end, False if asked to stop before.

    Raises:
        NonFiniteLossError: If the loss is not finite.
    """
    schedule, average = train_state.schedule, train_state.average
    progress, processes = train_state.progress, train_state.processes
    epoch = progress.step // train_state.steps_per_epoch
    end = (epoch + 1) * train_state.steps_per_epoch
    batches.set_epoch(epoch, start=progress.step - epoch * train_state.steps_per_epoch)
    window = _Window(train_state, settings, epoch + 1)
    train_state.forward.train()
    for inputs, labels in batches:
        window.losses.append(take(inputs, labels))
        if schedule is not None:
            schedule.step()
        if average is not None:
            average.update(progress.step)
        progress.step += 1
        if progress.step % settings.log_every == 0 or progress.step == end:
            report, stopped = window.close(stop)
            on_steps(report)
            if stopped and progress.step < end:
                return False
        elif stop.requested and processes.size == 1:
            window.close(stop)
            return False
    return True


class _Window:
    """The steps between two looks at the loss.

    Attributes:
        losses: Of its steps, each 0-d; added up at the look, in order.
    """

    def __init__(self, train_state: TrainState, settings: TrainSettings, epoch: int) -> None:
        self._session = train_state
        self._batch_size = settings.batch_size
        self._epoch = epoch
        self._begin(train_state.progress.loss_sum.item())

    def _begin(self, loss_sum: float) -> None:
        self.losses: list[Tensor] = []
        self._loss_sum = loss_sum
        self._step = self._session.progress.step
        self._time = time.perf_counter()

    def close(self, stop: GracefulInterrupt) -> tuple[StepsDone, bool]:
        """Look at the loss; wait for the device; agree on stopping with the other processes."""
        progress, processes = self._session.progress, self._session.processes
        own = progress.loss_sum.item()
        for loss in torch.stack(self.losses).tolist():
            own += loss
        progress.loss_sum.fill_(own)
        asked = torch.full_like(progress.loss_sum, float(stop.requested))
        total, stopped = processes.sum(torch.stack((progress.loss_sum, asked))).tolist()
        loss_sum = total / processes.size
        steps = progress.step - self._step
        seconds = (time.perf_counter() - self._time) / steps
        if not math.isfinite(loss_sum):
            raise NonFiniteLossError(
                f"the training loss became {loss_sum} in epoch {self._epoch}, before step "
                f"{progress.step}; the run folder keeps the epochs before; use a smaller "
                "learning rate (--lr)"
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
