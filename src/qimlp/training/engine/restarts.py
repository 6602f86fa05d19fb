"""Several random starts of one network: the one that learns best in a short run goes on.

Networks of a few hundred parameters end in optima of very different quality, and which one is
decided within the first few epochs. The choice goes by the train loss alone; neither dev nor test
is read.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

from qimlp.data import Batches
from qimlp.models import Pretrained
from qimlp.settings import ComputeSettings, OptimisationSettings
from qimlp.tasks import Objective
from qimlp.training.engine.loop import train_epoch
from qimlp.training.engine.open_step import open_step
from qimlp.training.engine.train_state import TrainState


def short_run(optimisation: OptimisationSettings, epochs: int) -> OptimisationSettings:
    """Settings of the runs that compare starts.

    Args:
        optimisation: Of the run.
        epochs: Epochs of a short run.

    Returns:
        The same settings for that many epochs, with a schedule of their own and without averaged
        weights.
    """
    return optimisation.model_copy(update={"epochs": epochs, "ema_decay": None})


def draw_restarts(
    count: int, first: Pretrained, draw: Callable[[], Pretrained]
) -> list[Pretrained]:
    """Draw the networks to compare.

    Args:
        count: Their number; 1 compares none.
        first: The start of a run that compares none.
        draw: Makes another one from torch's random state.

    Returns:
        `count` networks, a copy of the first among them; none where there is nothing to compare.
    """
    if count == 1:
        return []
    return [copy.deepcopy(first), *(draw() for _ in range(count - 1))]


def go_on_from_best(
    state: TrainState,
    restarts: Sequence[Pretrained],
    batches: Batches,
    task: Objective,
    optimisation: OptimisationSettings,
    compute: ComputeSettings,
    should_stop: Callable[[], bool],
) -> bool:
    """Train every start in a short run and go on from the weights of the best.

    All starts see the same batches. The best has the lowest train loss in its last epoch.

    Args:
        state: Not yet trained; changed in place.
        restarts: The networks; trained in place.
        batches: The training batches.
        task: What they are trained to do.
        optimisation: Of the short runs, from `short_run`.
        compute: Of the run.
        should_stop: Asked after every step.

    Returns:
        True; False if asked to stop before. Then nothing is kept, and another call compares again.

    Raises:
        NonFiniteLossError: If a start diverges.
    """
    losses = []
    for network in restarts:
        trial = TrainState(network, optimisation, compute, state.steps_per_epoch, state.processes)
        take = open_step(trial, batches, task, optimisation, compute)
        for _ in range(optimisation.epochs):
            trial.progress.loss_sum.zero_()
            if not train_epoch(
                trial,
                batches,
                take,
                batch_size=optimisation.batch_size,
                log_every=compute.log_every,
                should_stop=should_stop,
                on_steps=lambda _: None,
            ):
                return False
        losses.append(state.processes.sum(trial.progress.loss_sum).item())
    state.restart(restarts[losses.index(min(losses))])
    return True
