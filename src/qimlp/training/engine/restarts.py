"""Several starts of one network: the one that learns best in a short run goes on.

Networks of a few hundred parameters end in optima of very different quality, and which one is
decided within the first few epochs. The choice goes by the train loss alone; neither dev nor test
is read.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

from qimlp.data import Batches
from qimlp.models import Pretrained
from qimlp.settings import TrainSettings
from qimlp.training.engine.loop import train_epoch
from qimlp.training.engine.train_state import TrainState
from qimlp.training.runs.graceful_interrupt import GracefulInterrupt
from qimlp.training.steps.open_step import open_step


def short_run(settings: TrainSettings) -> TrainSettings:
    """Settings of the runs that compare starts.

    Args:
        settings: `start_epochs`.

    Returns:
        The same settings for that many epochs with a schedule of their own, from one start and
        without averaged weights.
    """
    changes = {"epochs": settings.start_epochs, "starts": 1, "ema_decay": None}
    return settings.model_copy(update=changes)


def more_starts(
    settings: TrainSettings, first: Pretrained, draw: Callable[[], Pretrained]
) -> list[Pretrained]:
    """Draw the networks to compare.

    Args:
        settings: `starts`.
        first: The start of a run that compares none.
        draw: Makes another one from torch's random state.

    Returns:
        `starts` networks, a copy of the first among them; none where there is nothing to compare.
    """
    if settings.starts == 1:
        return []
    return [copy.deepcopy(first), *(draw() for _ in range(settings.starts - 1))]


def go_on_from_best(
    train_state: TrainState,
    starts: list[Pretrained],
    batches: Batches,
    settings: TrainSettings,
    stop: GracefulInterrupt,
) -> bool:
    """Train every start in a short run and put the weights of the best into a train_state.

    All starts see the same batches. The best has the lowest train loss in its last epoch.

    Args:
        train_state: Not yet trained; changed in place.
        starts: The networks; trained in place.
        batches: The training batches.
        settings: Of the run.
        stop: Asked after every step.

    Returns:
        True; False if asked to stop before. Then nothing is kept, and a resumed run compares again.

    Raises:
        NonFiniteLossError: If a start diverges.
    """
    short = short_run(settings)
    losses = []
    for start in starts:
        trial = TrainState(start, short, train_state.steps_per_epoch, train_state.processes)
        take = open_step(trial, short)
        for _ in range(short.epochs):
            trial.progress.loss_sum.zero_()
            if not train_epoch(trial, batches, take, short, stop, lambda _: None):
                return False
        losses.append(train_state.processes.sum(trial.progress.loss_sum).item())
    train_state.restart(starts[losses.index(min(losses))])
    return True
