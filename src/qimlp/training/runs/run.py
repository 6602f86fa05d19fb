"""One run, from its data to its result.

Protocol (the paper's): train and dev are an 8:2 split of the official training set, the weights
of the epoch that the task finds best on dev are kept, and the test set is read once, with these.
With `watch_test` the metrics on the test set are recorded after every epoch too, to show what
choosing by them would have flattered; they decide nothing.
"""

from collections.abc import Callable
from contextlib import ExitStack
from statistics import median

import torch

from qimlp.distributed import ProcessGroup, cpu_threads
from qimlp.files import write_json, write_text
from qimlp.predictor import (
    Loaded,
    count_dense_parameters,
    count_parameters,
    sizes_for,
)
from qimlp.settings import TrainSettings
from qimlp.training.comparison.model_card import model_card
from qimlp.training.engine.errors import NonFiniteLossError, TrainingInterrupted
from qimlp.training.engine.memory import training_memory
from qimlp.training.engine.open_step import check_step
from qimlp.training.engine.train_state import TrainState
from qimlp.training.engine.trainer import Trainer
from qimlp.training.opening.trainer import open_trainer, undisturbed
from qimlp.training.opening.training_data import TrainingData
from qimlp.training.runs.advice import advice
from qimlp.training.runs.events import Event, OnEvent, RunFinished, RunStarted
from qimlp.training.runs.folder import RunFolder, versions
from qimlp.training.runs.lock import hold
from qimlp.training.runs.recorder import EventTeller, RunRecorder
from qimlp.training.runs.result import RunResult
from qimlp.training.runs.saved_state import restore_state
from qimlp.training.runs.state_file import StoredState
from qimlp.training.steps.step import for_members


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
        check_step(settings.optimisation, settings.compute, processes)
        with cpu_threads(settings.compute.threads):
            self.data = TrainingData(settings, loaded, order=order)
        self.sizes = sizes_for(settings, self.data)
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
        prepared = self.data.preparation()
        with ExitStack() as held:

            def begin(_: TrainState) -> None:
                if self.processes.is_main:
                    self.folder.create(self.settings, prepared, overwrite=overwrite)
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
                restore_state(train_state, state, self.settings)
                self._notes = (state.note,) if state.note else ()

        return self._train(begin)

    def _train(self, begin: Callable[[TrainState], None]) -> RunResult:
        """Train to the end. Torch's random state and threads are left as they were."""
        with undisturbed(self.settings, self.processes) as stop:
            trainer = open_trainer(
                self.settings,
                self.data,
                self.sizes,
                self.processes,
                callbacks=(
                    RunRecorder(self.folder, self.settings, self.data.fingerprint),
                    EventTeller(self._on_event),
                ),
                should_stop=lambda: stop.requested,
            )
            if self.processes.device.type == "cuda":
                torch.cuda.reset_peak_memory_stats(self.processes.device)
            begin(trainer.state)
            self._tell_start(trainer)
            try:
                complete = trainer.fit()
            except NonFiniteLossError as error:
                raise NonFiniteLossError(f"{error}; {self._after_divergence()}") from error
            if not complete:
                raise TrainingInterrupted(self._interrupted(trainer))
            result = self._finish(trainer)
            if stop.requested:
                raise TrainingInterrupted(f"interrupted; the run {self.folder.path} is complete")
            return result

    def _interrupted(self, trainer: Trainer) -> str:
        progress, restarts = trainer.state.progress, self.settings.network.restarts
        if progress.step == 0 and restarts > 1:
            done = f"interrupted while {restarts} restarts were compared"
        else:
            done = (
                f"interrupted after {len(progress.epochs)} of {self.settings.optimisation.epochs} "
                f"epochs (step {progress.step})"
            )
        return f"{done}; resume with: qimlp train --resume {self.folder.path}"

    def _after_divergence(self) -> str:
        smaller = self.settings.optimisation.lr / 3
        return (
            f"{self.folder.path} keeps the epochs before; start the run again with a smaller "
            f"learning rate: --lr {smaller:.2g} --overwrite"
        )

    def _finish(self, trainer: Trainer) -> RunResult:
        """Read the test set, once, with the best weights; write the result."""
        state, settings = trainer.state, self.settings
        progress = state.progress
        inputs, targets = next(iter(trainer.train_batches))
        memory = training_memory(
            state.network,
            state.optimizer,
            None if state.average is None else state.average.model,
            self.data.task.plain(),
            inputs.to(next(state.network.parameters()).dtype),
            for_members(targets, state.network.members),
        )
        state.use_best()
        if self.processes.is_main:  # once more: a resumed run may have lost it
            state.evaluated.save_pretrained(self.folder.best)
        test = trainer.evaluate(self.data.test_batches(self.processes))
        best = [epoch for epoch in progress.epochs if epoch.best][-1]
        metric = self.data.task.main_metric.name
        result = RunResult(
            data=settings.data_name,
            label=settings.label,
            kind=settings.kind,
            seed=settings.compute.seed,
            dims=[list(layer) for layer in self.sizes],
            task=self.data.task.kind,
            best_epoch=best.epoch,
            dev=best.dev,
            test=test.metrics,
            parameters=count_parameters(state.network),
            dense_parameters=count_dense_parameters(self.sizes),
            seconds_per_step=median(progress.window_seconds),
            memory=memory,
            dev_curve=[epoch.dev[metric] for epoch in progress.epochs],
            folder=str(self.folder.path),
        )
        if self.processes.is_main:
            train = self.data.train_rows or trainer.train_batches.num_examples
            dev = trainer.dev_batches.num_examples
            rows = {"train": train, "dev": dev, "test": test.examples}
            card = model_card(settings, self.data.preparation(), result, rows, versions())
            write_text(self.folder.card_file, card)
            write_json(self.folder.result_file, result.to_dict())
        self._tell(RunFinished(result))
        self.processes.barrier()
        return result

    def _tell(self, event: Event) -> None:
        if self._on_event is not None and self.processes.is_main:
            self._on_event(event)

    def _tell_start(self, trainer: Trainer) -> None:
        state, settings = trainer.state, self.settings
        notes = self._notes
        if state.progress.step == 0:
            notes = self.data.notes + advice(
                settings,
                self.sizes,
                train_rows=trainer.train_batches.num_examples,
                steps_per_epoch=state.steps_per_epoch,
            )
        self._tell(
            RunStarted(
                data=settings.data_name,
                label=settings.label,
                seed=settings.compute.seed,
                parameters=count_parameters(state.network),
                epochs=settings.optimisation.epochs,
                steps_per_epoch=state.steps_per_epoch,
                done_steps=state.progress.step,
                folder=self.folder.path,
                task=self.data.task.kind,
                notes=notes,
            )
        )
