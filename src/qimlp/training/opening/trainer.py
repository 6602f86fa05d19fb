"""A training opened from its settings and data: what a run and a trial of a sweep share."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch

from qimlp.distributed import ProcessGroup, cpu_threads
from qimlp.models import MLP, Pretrained, QiMLP
from qimlp.predictor import build_network
from qimlp.settings import TrainSettings
from qimlp.training.engine.callbacks import Callback
from qimlp.training.engine.restarts import draw_restarts
from qimlp.training.engine.trainer import Trainer
from qimlp.training.engine.warm_start import start_near_linear
from qimlp.training.opening.training_data import TrainingData
from qimlp.training.stopping.graceful_interrupt import GracefulInterrupt


@contextmanager
def undisturbed(settings: TrainSettings, processes: ProcessGroup) -> Iterator[GracefulInterrupt]:
    """Leave torch's random state and threads as they were, and let a step end before Ctrl-C does.

    Args:
        settings: Of the training.
        processes: Processes and device.

    Yields:
        What says whether the training was asked to stop.
    """
    cuda = [processes.device] if processes.device.type == "cuda" else []
    with (
        torch.random.fork_rng(cuda),
        cpu_threads(settings.compute.threads),
        GracefulInterrupt() as stop,
    ):
        yield stop


def open_trainer(
    settings: TrainSettings,
    data: TrainingData,
    sizes: list[tuple[int, ...]],
    processes: ProcessGroup,
    *,
    callbacks: Sequence[Callback] = (),
    should_stop: Callable[[], bool] = lambda: False,
) -> Trainer:
    """Draw the network and everything else that torch's random state decides.

    Args:
        settings: What to train, how.
        data: The data of the training.
        sizes: Sizes of the network's bodies.
        processes: Processes and device.
        callbacks: Told what happens, in order.
        should_stop: Asked after every step; where it says yes, training stops there.

    Returns:
        The trainer before its first step; torch's random state is that of the training.

    Raises:
        ValueError: If the network cannot be built.
    """

    def draw() -> Pretrained:
        return _draw(settings, data, sizes)

    torch.manual_seed(settings.compute.seed)
    network = draw()
    restarts = draw_restarts(settings.network.restarts, network, draw)
    trainer = Trainer(
        network,
        data.task,
        settings.optimisation,
        settings.compute,
        train=data.train_batches(processes),
        dev=data.dev_batches(processes),
        watched=data.test_batches(processes) if settings.compute.watch_test else None,
        processes=processes,
        restarts=restarts,
        restart_epochs=settings.network.restart_epochs,
        callbacks=callbacks,
        should_stop=should_stop,
    )
    torch.manual_seed(settings.compute.seed + processes.rank)
    return trainer


def _draw(settings: TrainSettings, data: TrainingData, sizes: list[tuple[int, ...]]) -> Pretrained:
    """A new network: from torch's random state, or near a linear model."""
    chosen = settings.network
    network = build_network(chosen, sizes, columns=data.features.table, combine=data.task.combine)
    if chosen.warm_start != "random" and isinstance(network, QiMLP | MLP):
        inputs, targets = data.train_features()
        start_near_linear(
            network,
            inputs,
            targets,
            task=data.task,
            penalty=chosen.warm_start_penalty,
            model=chosen.warm_start,
        )
    return data.network(network)
