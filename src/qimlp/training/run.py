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
from qimlp.files import write_json
from qimlp.models import MLP, Pretrained, QiMLP
from qimlp.training.advice import advice
from qimlp.training.curves import Curves
from qimlp.training.errors import NonFiniteLossError, TrainingInterrupted
from qimlp.training.evaluation import Evaluation, evaluate
from qimlp.training.events import EpochDone, Event, OnEvent, RunFinished, RunStarted
from qimlp.training.features import Loaded
from qimlp.training.interrupt import StopRequest
from qimlp.training.linear_start import start_near_linear
from qimlp.training.loop import train_epoch
from qimlp.training.memory import training_memory
from qimlp.training.network import (
    build_network,
    count_dense_parameters,
    count_parameters,
    layer_sizes,
)
from qimlp.training.result import RunResult
from qimlp.training.run_folder import RunFolder
from qimlp.training.run_lock import hold
from qimlp.training.session import Session
from qimlp.training.settings import TrainSettings
from qimlp.training.starts import go_on_from_best, more_starts
from qimlp.training.state import StoredState
from qimlp.training.step import Step, check_step, open_step
from qimlp.training.training_data import TrainingData
from qimlp.training.world import World


class Run:
    """Data, network shape and folder of one run; `start` or `go_on` does the work.

    Args:
        settings: What to train, on what, how.
        folder: Where it is written.
        world: Processes and device.
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
        world: World,
        on_event: OnEvent | None,
        loaded: Loaded | None,
        *,
        order: tuple[int, ...] | None = None,
    ) -> None:
        self.settings = settings
        self.folder = folder
        self.world = world
        check_step(settings, world)
        with _threads(settings.threads):
            self.data = TrainingData(settings, loaded, order=order)
        self.sizes = layer_sizes(
            settings, in_features=self.data.in_features, num_classes=self.data.num_classes
        )
        self._on_event = on_event

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

            def begin(_: Session) -> None:
                if self.world.is_main:
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

        def begin(session: Session) -> None:
            if state is not None:
                session.load(state)

        return self._train(begin)

    def _train(self, begin: Callable[[Session], None]) -> RunResult:
        """Train to the end. Torch's random state and threads are left as they were."""
        cuda = [self.world.device] if self.world.device.type == "cuda" else []
        with torch.random.fork_rng(cuda), _threads(self.settings.threads), StopRequest() as stop:
            torch.manual_seed(self.settings.seed)
            model = self._draw()
            starts = more_starts(self.settings, model, self._draw)
            batches = self.data.train_batches(self.world)
            session = Session(model, self.settings, len(batches), self.world)
            torch.manual_seed(self.settings.seed + self.world.rank)
            if cuda:
                torch.cuda.reset_peak_memory_stats(self.world.device)
            begin(session)
            self._tell_start(session, batches)
            if (
                starts
                and session.progress.step == 0
                and not go_on_from_best(session, starts, batches, self.settings, stop)
            ):
                raise TrainingInterrupted(
                    f"interrupted while {len(starts)} starts were compared; "
                    f"resume with: qimlp train --resume {self.folder.path}"
                )
            self._train_epochs(session, batches, open_step(session, self.settings), stop)
            result = self._finish(session, batches)
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
        self, session: Session, batches: Batches, take: Step, stop: StopRequest
    ) -> None:
        epochs = session.progress.epochs
        curves = Curves(self.folder.tensorboard, epochs) if self.world.is_main else None
        try:
            if session.progress.step == 0:
                self._keep_checkpoint(session)
            while len(epochs) < self.settings.epochs:
                if not train_epoch(session, batches, take, self.settings, stop, self._tell):
                    self._stop(session)
                epoch = self._evaluate(session)
                if self.world.is_main:
                    self._write(session)
                if curves is not None:
                    curves.add(epoch)
                session.save(self.folder.state_file, self.data.fingerprint)
                self._tell(epoch)
                if self.world.any(stop.requested):
                    self._stop(session)
        finally:
            if curves is not None:
                curves.close()

    def _evaluate(self, session: Session) -> EpochDone:
        """Evaluate on dev, close the epoch, keep the weights if they are the best."""
        progress = session.progress
        dev = evaluate(
            session.evaluated,
            self.data.dev_batches(self.world),
            num_classes=self.data.num_classes,
            world=self.world,
        )
        number = len(progress.epochs) + 1
        if not math.isfinite(dev.loss):
            raise NonFiniteLossError(
                f"the dev loss became {dev.loss} in epoch {number}; the run folder keeps the "
                "epochs before; use a smaller learning rate (--lr)"
            )
        train_loss = self.world.sum(progress.loss_sum).item() / self.world.size
        best = all(dev.accuracy > earlier.dev_accuracy for earlier in progress.epochs)
        epoch = EpochDone(
            epoch=number,
            step=progress.step,
            train_loss=train_loss / session.steps_per_epoch,
            dev_loss=dev.loss,
            dev_accuracy=dev.accuracy,
            lr=max(float(group["lr"]) for group in session.optimizer.param_groups),
            best=best,
            test_accuracy=self._test(session).accuracy if self.settings.watch_test else None,
        )
        progress.epochs.append(epoch)
        progress.loss_sum.zero_()
        if best:
            session.keep_best()
        return epoch

    def _write(self, session: Session) -> None:
        epochs = session.progress.epochs
        if epochs[-1].best:
            session.evaluated.save_pretrained(self.folder.best)
        self._keep_checkpoint(session)
        self.folder.write_metrics(epochs)

    def _keep_checkpoint(self, session: Session) -> None:
        if self.settings.checkpoints and self.world.is_main:
            self.folder.keep_checkpoint(session.evaluated, len(session.progress.epochs))

    def _stop(self, session: Session) -> NoReturn:
        session.save(self.folder.state_file, self.data.fingerprint)
        progress = session.progress
        raise TrainingInterrupted(
            f"interrupted after {len(progress.epochs)} of {self.settings.epochs} epochs "
            f"(step {progress.step}); resume with: qimlp train --resume {self.folder.path}"
        )

    def _finish(self, session: Session, batches: Batches) -> RunResult:
        """Read the test set, once, with the best weights; write the result."""
        progress = session.progress
        inputs, labels = next(iter(batches))
        memory = training_memory(
            session.model,
            session.optimizer,
            None if session.average is None else session.average.model,
            inputs.to(next(session.model.parameters()).dtype),
            labels,
        )
        session.use_best()
        if self.world.is_main:  # once more: a resumed run may have lost it
            session.evaluated.save_pretrained(self.folder.best)
        test = self._test(session)
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
            parameters=count_parameters(session.model),
            dense_parameters=count_dense_parameters(self.sizes),
            seconds_per_step=median(progress.window_seconds),
            memory=memory,
            dev_curve=[epoch.dev_accuracy for epoch in progress.epochs],
            folder=str(self.folder.path),
        )
        if self.world.is_main:
            write_json(self.folder.result_file, result.to_dict())
        self._tell(RunFinished(result))
        self.world.barrier()
        return result

    def _test(self, session: Session) -> Evaluation:
        return evaluate(
            session.evaluated,
            self.data.test_batches(self.world),
            num_classes=self.data.num_classes,
            world=self.world,
        )

    def _tell(self, event: Event) -> None:
        if self._on_event is not None and self.world.is_main:
            self._on_event(event)

    def _tell_start(self, session: Session, batches: Batches) -> None:
        notes: tuple[str, ...] = ()
        if session.progress.step == 0:
            notes = advice(
                self.settings,
                self.sizes,
                self.data.class_names,
                train_rows=batches.num_examples,
                steps_per_epoch=session.steps_per_epoch,
            )
        self._tell(
            RunStarted(
                data=self.settings.data_name,
                label=self.settings.label,
                seed=self.settings.seed,
                parameters=count_parameters(session.model),
                epochs=self.settings.epochs,
                steps_per_epoch=session.steps_per_epoch,
                done_steps=session.progress.step,
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
