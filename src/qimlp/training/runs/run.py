"""One run, from its data to its result.

Protocol (the paper's): train and dev are an 8:2 split of the official training set, the weights
of the epoch with the best dev accuracy are kept, and the test set is read once, with these. With
``watch_test`` the test accuracy of every epoch is recorded too, to show what choosing by it would
have flattered; it decides nothing.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from statistics import median
from typing import NoReturn

import torch

from qimlp.data import Batches
from qimlp.distributed import ProcessGroup
from qimlp.files import write_json
from qimlp.models import MLP, Pretrained, QiMLP
from qimlp.predictor import (
    Loaded,
    build_network,
    count_dense_parameters,
    count_parameters,
    layer_sizes,
)
from qimlp.settings import TrainSettings
from qimlp.training.engine.errors import NonFiniteLossError, TrainingInterrupted
from qimlp.training.engine.evaluation import Evaluation, evaluate
from qimlp.training.engine.events import EpochDone, Event, OnEvent, RunFinished, RunStarted
from qimlp.training.engine.loop import train_epoch
from qimlp.training.engine.memory import training_memory
from qimlp.training.engine.restarts import go_on_from_best, more_starts
from qimlp.training.engine.train_state import TrainState
from qimlp.training.engine.warm_start import start_near_linear
from qimlp.training.runs.advice import advice
from qimlp.training.runs.curves import Curves
from qimlp.training.runs.folder import RunFolder
from qimlp.training.runs.graceful_interrupt import GracefulInterrupt
from qimlp.training.runs.lock import hold
from qimlp.training.runs.result import RunResult
from qimlp.training.runs.state_file import StoredState
from qimlp.training.runs.training_data import TrainingData
from qimlp.training.steps.open_step import Step, check_step, open_step


class Run:
    """Data, network shape and folder of one run; `start` or `go_on` does the work.

    Args:
        settings: What to train, on what, how.
        folder: Where it is written.
        processes: Processes and device.
        on_event: Called with every event, in the main process.
        loaded: The data, where the caller has read it already.
        order: Of the features, where the run has one already: see `learn_features`.

    Raises:
        FileNotFoundError: If the data is not there.
        ValueError: If settings and data do not fit, or the data is not usable.
    """

    def __init__(
        self,
        settings: TrainSettings,
        folder: RunFolder,
        processes: ProcessGroup,
        on_event: OnEvent | None,
        loaded: Loaded | None,
        *,
        order: tuple[int, ...] | None = None,
    ) -> None:
        self.settings = settings
        self.folder = folder
        self.processes = processes
        check_step(settings, processes)
        with _threads(settings.threads):
            self.data = TrainingData(settings, loaded, order=order)
        self.sizes = layer_sizes(
            settings, in_features=self.data.in_features, num_classes=self.data.num_classes
        )
        self._on_event = on_event
        self._notes: tuple[str, ...] = ()

    def start(self, *, overwrite: bool) -> RunResult:
        """Make the run folder, once everything that can be refused is known, and train.

        Args:
            overwrite: Replace an earlier run.

        Returns:
            The result, already on disk.

        Raises:
            FileExistsError: If the run folder exists.
            RunInUseError: If another process trains the run that would be replaced.
            ValueError: If the network cannot be built.
            NonFiniteLossError: If training diverges.
            TrainingInterrupted: On Ctrl-C.
            OSError: If something cannot be written.
        """
        preprocess = self.data.preprocess()
        with ExitStack() as held:

            def begin(_: TrainState) -> None:
                if self.processes.is_main:
                    self.folder.create(self.settings, preprocess, overwrite=overwrite)
                    held.enter_context(hold(self.folder.lock_file))

            return self._train(begin)

    def go_on(self, state: StoredState | None) -> RunResult:
        """Train on from a state.

        Args:
            state: From the run folder; None where it has none yet.

        Returns:
            The result, already on disk.

        Raises:
            ValueError: If the state does not fit.
            NonFiniteLossError: If training diverges.
            TrainingInterrupted: On Ctrl-C.
            OSError: If something cannot be written.
        """

        def begin(train_state: TrainState) -> None:
            if state is not None:
                train_state.load(state)
                self._notes = (state.note,) if state.note else ()

        return self._train(begin)

    def _train(self, begin: Callable[[TrainState], None]) -> RunResult:
        """Train to the end. Torch's random state and threads are left as they were."""
        cuda = [self.processes.device] if self.processes.device.type == "cuda" else []
        with (
            torch.random.fork_rng(cuda),
            _threads(self.settings.threads),
            GracefulInterrupt() as stop,
        ):
            torch.manual_seed(self.settings.seed)
            model = self._draw()
            starts = more_starts(self.settings, model, self._draw)
            batches = self.data.train_batches(self.processes)
            train_state = TrainState(model, self.settings, len(batches), self.processes)
            torch.manual_seed(self.settings.seed + self.processes.rank)
            if cuda:
                torch.cuda.reset_peak_memory_stats(self.processes.device)
            begin(train_state)
            self._tell_start(train_state, batches)
            if (
                starts
                and train_state.progress.step == 0
                and not go_on_from_best(train_state, starts, batches, self.settings, stop)
            ):
                raise TrainingInterrupted(
                    f"interrupted while {len(starts)} starts were compared; "
                    f"resume with: qimlp train --resume {self.folder.path}"
                )
            self._train_epochs(train_state, batches, open_step(train_state, self.settings), stop)
            result = self._finish(train_state, batches)
            if stop.requested:
                raise TrainingInterrupted(f"interrupted; the run {self.folder.path} is complete")
            return result

    def _draw(self) -> Pretrained:
        """A new network: from torch's random state, or near a linear model."""
        network = build_network(self.settings, self.sizes)
        if self.settings.start != "random" and isinstance(network, QiMLP | MLP):
            inputs, labels = self.data.train_features()
            start_near_linear(
                network,
                inputs,
                labels,
                penalty=self.settings.start_penalty,
                model=self.settings.start,
                label_smoothing=self.settings.label_smoothing,
            )
        return self.data.network(network)

    def _train_epochs(
        self, train_state: TrainState, batches: Batches, take: Step, stop: GracefulInterrupt
    ) -> None:
        epochs = train_state.progress.epochs
        curves = Curves(self.folder.tensorboard, epochs) if self.processes.is_main else None
        try:
            if train_state.progress.step == 0:
                self._keep_checkpoint(train_state)
            while len(epochs) < self.settings.epochs:
                if not train_epoch(train_state, batches, take, self.settings, stop, self._tell):
                    self._stop(train_state)
                epoch = self._evaluate(train_state)
                if self.processes.is_main:
                    self._write(train_state)
                if curves is not None:
                    curves.add(epoch)
                train_state.save(self.folder.state_file, self.data.fingerprint)
                self._tell(epoch)
                if self.processes.any(stop.requested):
                    self._stop(train_state)
        finally:
            if curves is not None:
                curves.close()

    def _evaluate(self, train_state: TrainState) -> EpochDone:
        """Evaluate on dev, close the epoch, keep the weights if they are the best."""
        progress = train_state.progress
        dev = evaluate(
            train_state.evaluated,
            self.data.dev_batches(self.processes),
            num_classes=self.data.num_classes,
            processes=self.processes,
        )
        number = len(progress.epochs) + 1
        if not math.isfinite(dev.loss):
            raise NonFiniteLossError(
                f"the dev loss became {dev.loss} in epoch {number}; the run folder keeps the "
                "epochs before; use a smaller learning rate (--lr)"
            )
        train_loss = self.processes.sum(progress.loss_sum).item() / self.processes.size
        best = all(dev.accuracy > earlier.dev_accuracy for earlier in progress.epochs)
        epoch = EpochDone(
            epoch=number,
            step=progress.step,
            train_loss=train_loss / train_state.steps_per_epoch,
            dev_loss=dev.loss,
            dev_accuracy=dev.accuracy,
            lr=max(float(group["lr"]) for group in train_state.optimizer.param_groups),
            best=best,
            test_accuracy=self._test(train_state).accuracy if self.settings.watch_test else None,
        )
        progress.epochs.append(epoch)
        progress.loss_sum.zero_()
        if best:
            train_state.keep_best()
        return epoch

    def _write(self, train_state: TrainState) -> None:
        epochs = train_state.progress.epochs
        if epochs[-1].best:
            train_state.evaluated.save_pretrained(self.folder.best)
        self._keep_checkpoint(train_state)
        self.folder.write_metrics(epochs)

    def _keep_checkpoint(self, train_state: TrainState) -> None:
        if self.settings.checkpoints and self.processes.is_main:
            self.folder.keep_checkpoint(train_state.evaluated, len(train_state.progress.epochs))

    def _stop(self, train_state: TrainState) -> NoReturn:
        train_state.save(self.folder.state_file, self.data.fingerprint)
        progress = train_state.progress
        raise TrainingInterrupted(
            f"interrupted after {len(progress.epochs)} of {self.settings.epochs} epochs "
            f"(step {progress.step}); resume with: qimlp train --resume {self.folder.path}"
        )

    def _finish(self, train_state: TrainState, batches: Batches) -> RunResult:
        """Read the test set, once, with the best weights; write the result."""
        progress = train_state.progress
        inputs, labels = next(iter(batches))
        memory = training_memory(
            train_state.model,
            train_state.optimizer,
            None if train_state.average is None else train_state.average.model,
            inputs.to(next(train_state.model.parameters()).dtype),
            labels,
        )
        train_state.use_best()
        if self.processes.is_main:  # once more: a resumed run may have lost it
            train_state.evaluated.save_pretrained(self.folder.best)
        test = self._test(train_state)
        best = [epoch for epoch in progress.epochs if epoch.best][-1]
        result = RunResult(
            data=self.settings.data_name,
            label=self.settings.label,
            kind=self.settings.kind,
            seed=self.settings.seed,
            dims=[list(layer) for layer in self.sizes],
            best_epoch=best.epoch,
            dev_accuracy=best.dev_accuracy,
            test_accuracy=test.accuracy,
            test_loss=test.loss,
            parameters=count_parameters(train_state.model),
            dense_parameters=count_dense_parameters(self.sizes),
            seconds_per_step=median(progress.window_seconds),
            memory=memory,
            dev_curve=[epoch.dev_accuracy for epoch in progress.epochs],
            folder=str(self.folder.path),
        )
        if self.processes.is_main:
            write_json(self.folder.result_file, result.to_dict())
        self._tell(RunFinished(result))
        self.processes.barrier()
        return result

    def _test(self, train_state: TrainState) -> Evaluation:
        return evaluate(
            train_state.evaluated,
            self.data.test_batches(self.processes),
            num_classes=self.data.num_classes,
            processes=self.processes,
        )

    def _tell(self, event: Event) -> None:
        if self._on_event is not None and self.processes.is_main:
            self._on_event(event)

    def _tell_start(self, train_state: TrainState, batches: Batches) -> None:
        notes = self._notes
        if train_state.progress.step == 0:
            notes = self.data.notes + advice(
                self.settings,
                self.sizes,
                self.data.class_names,
                train_rows=batches.num_examples,
                steps_per_epoch=train_state.steps_per_epoch,
            )
        self._tell(
            RunStarted(
                data=self.settings.data_name,
                label=self.settings.label,
                seed=self.settings.seed,
                parameters=count_parameters(train_state.model),
                epochs=self.settings.epochs,
                steps_per_epoch=train_state.steps_per_epoch,
                done_steps=train_state.progress.step,
                folder=self.folder.path,
                notes=notes,
            )
        )


@contextmanager
def _threads(count: int | None) -> Iterator[None]:
    """Use a number of CPU threads inside, None: as they are."""
    before = torch.get_num_threads()
    if count is not None:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
