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
from qimlp.training.errors import NonFiniteLossError
from qimlp.training.events import StepsDone
from qimlp.training.interrupt import StopRequest
from qimlp.training.session import Session
from qimlp.training.settings import TrainSettings
from qimlp.training.step import Step


def train_epoch(
    session: Session,
    batches: Batches,
    take: Step,
    settings: TrainSettings,
    stop: StopRequest,
    on_steps: Callable[[StepsDone], None],
) -> bool:
    """Train for one epoch, or for what is left of it after a resume.

    Args:
        session: Changed in place.
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
    schedule, average = session.schedule, session.average
    progress, world = session.progress, session.world
    epoch = progress.step // session.steps_per_epoch
    end = (epoch + 1) * session.steps_per_epoch
    batches.set_epoch(epoch, start=progress.step - epoch * session.steps_per_epoch)
    window = _Window(session, settings, epoch + 1)
    session.forward.train()
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
        elif stop.requested and world.size == 1:
            window.close(stop)
            return False
    return True


class _Window:
    """The steps between two looks at the loss.

    Attributes:
        losses: Of its steps, each 0-d; added up at the look, in order.
    """

    def __init__(self, session: Session, settings: TrainSettings, epoch: int) -> None:
        self._session = session
        self._batch_size = settings.batch_size
        self._epoch = epoch
        self._begin(session.progress.loss_sum.item())

    def _begin(self, loss_sum: float) -> None:
        self.losses: list[Tensor] = []
        self._loss_sum = loss_sum
        self._step = self._session.progress.step
        self._time = time.perf_counter()

    def close(self, stop: StopRequest) -> tuple[StepsDone, bool]:
        """Look at the loss; wait for the device; agree on stopping with the other processes."""
        progress, world = self._session.progress, self._session.world
        own = progress.loss_sum.item()
        for loss in torch.stack(self.losses).tolist():
            own += loss
        progress.loss_sum.fill_(own)
        asked = torch.full_like(progress.loss_sum, float(stop.requested))
        total, stopped = world.sum(torch.stack((progress.loss_sum, asked))).tolist()
        loss_sum = total / world.size
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
