"""Train one network in memory; what writes, shows or stops is a callback."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from qimlp.data import Batches
from qimlp.distributed import ProcessGroup
from qimlp.models import Pretrained
from qimlp.predictor import evaluate
from qimlp.settings import ComputeSettings, OptimisationSettings
from qimlp.tasks import Evaluation, Objective
from qimlp.training.engine.callbacks import Callback
from qimlp.training.engine.errors import NonFiniteLossError
from qimlp.training.engine.events import EpochDone, StepsDone
from qimlp.training.engine.loop import train_epoch
from qimlp.training.engine.open_step import open_step
from qimlp.training.engine.progress import is_best
from qimlp.training.engine.restarts import go_on_from_best, short_run
from qimlp.training.engine.train_state import TrainState
from qimlp.training.steps.step import Step


class Trainer:
    """Trains a network on batches and keeps the weights of the best epoch; knows no file.

    Attributes:
        state: Everything that changes: network, optimizer, averaged and best weights, progress.
        task: What the network is trained to do.
        optimisation: How the weights are found.
        compute: Where and how exactly it computes.

    Args:
        network: The network, freshly built; it is trained in place.
        task: What it is trained to do.
        optimisation: How the weights are found.
        compute: Where and how exactly it computes; by default as `ComputeSettings` has it.
        train: Shuffled batches of inputs and targets.
        dev: Batches that say which epoch is the best; where there are none, no epoch is, and the
            network at the end is what comes of it.
        watched: Batches of a test set to evaluate after every epoch, which decides nothing.
        processes: Processes and device; by default this process on the CPU.
        restarts: Starts of the network; the one that learns best in a short run goes on.
        restart_epochs: Epochs of these short runs.
        callbacks: Told what happens, in order.
        should_stop: Asked after every step; where it says yes, training stops there.
    """

    def __init__(
        self,
        network: Pretrained,
        task: Objective,
        optimisation: OptimisationSettings,
        compute: ComputeSettings | None = None,
        *,
        train: Batches,
        dev: Batches,
        watched: Batches | None = None,
        processes: ProcessGroup | None = None,
        restarts: Sequence[Pretrained] = (),
        restart_epochs: int = 2,
        callbacks: Sequence[Callback] = (),
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self.task = task
        self.optimisation = optimisation
        self.compute = ComputeSettings() if compute is None else compute
        processes = ProcessGroup.alone() if processes is None else processes
        self.state = TrainState(network, optimisation, self.compute, len(train), processes)
        self.train_batches = train
        self.dev_batches, self._watched = dev, watched
        self._restarts, self._restart_epochs = list(restarts), restart_epochs
        self._callbacks = list(callbacks)
        self._should_stop = should_stop

    def fit(self) -> bool:
        """Train to the end, from the start or from where `state` is.

        Returns:
            True where training is complete; False where it was asked to stop before. What is in
            `state` then goes on with another call, as if it had not been interrupted.

        Raises:
            NonFiniteLossError: If a loss is not finite.
        """
        progress = self.state.progress
        if self._restarts and progress.step == 0:
            found = go_on_from_best(
                self.state,
                self._restarts,
                self.train_batches,
                self.task,
                short_run(self.optimisation, self._restart_epochs),
                self.compute,
                self._should_stop,
            )
            if not found:
                return False
        take = open_step(self.state, self.train_batches, self.task, self.optimisation, self.compute)
        try:
            for callback in self._callbacks:
                callback.on_start(self)
            while len(progress.epochs) < self.optimisation.epochs:
                if not self._train_epoch(take):
                    return self._stop()
                epoch = self._end_epoch()
                for callback in self._callbacks:
                    callback.on_epoch(self, epoch)
                if self.state.processes.any(self._should_stop()):
                    return self._stop()
        finally:
            for callback in self._callbacks:
                callback.on_end(self)
        return True

    def evaluate(self, batches: Batches) -> Evaluation:
        """Evaluate the network that is kept: the averaged one where there is one.

        Args:
            batches: Inputs and targets.

        Returns:
            The evaluation, over all processes.
        """
        return evaluate(
            self.state.evaluated, batches, task=self.task, processes=self.state.processes
        )

    def _train_epoch(self, take: Step) -> bool:
        return train_epoch(
            self.state,
            self.train_batches,
            take,
            batch_size=self.optimisation.batch_size,
            log_every=self.compute.log_every,
            should_stop=self._should_stop,
            on_steps=self._on_steps,
        )

    def _end_epoch(self) -> EpochDone:
        """Evaluate on dev, close the epoch, keep the weights if they are the best."""
        state, progress = self.state, self.state.progress
        dev = self.evaluate(self.dev_batches).metrics if len(self.dev_batches) else {}
        number = len(progress.epochs) + 1
        if not math.isfinite(dev.get("loss", 0.0)):
            raise NonFiniteLossError(f"the dev loss became {dev['loss']} in epoch {number}")
        train_loss = state.processes.sum(progress.loss_sum).item() / state.processes.size
        epoch = EpochDone(
            epoch=number,
            step=progress.step,
            train_loss=train_loss / state.steps_per_epoch,
            dev=dev,
            lr=max(float(group["lr"]) for group in state.optimizer.param_groups),
            best=bool(dev) and is_best(self.task, self.optimisation.ties, dev, progress.epochs),
            test=None if self._watched is None else self.evaluate(self._watched).metrics,
        )
        progress.epochs.append(epoch)
        progress.loss_sum.zero_()
        if epoch.best:
            state.keep_best()
        return epoch

    def _on_steps(self, steps: StepsDone) -> None:
        for callback in self._callbacks:
            callback.on_steps(self, steps)

    def _stop(self) -> bool:
        for callback in self._callbacks:
            callback.on_stop(self)
        return False
