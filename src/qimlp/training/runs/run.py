"""One run, from its data to its result.

Protocol (the paper's): train and dev are an 8:2 split of the official training set, the weights
of the epoch that the task finds best on dev are kept, and the test set is read once, with these.
With `watch_test` the metrics on the test set are recorded after every epoch too, to show what
choosing by them would have flattered; they decide nothing.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager

import torch

from qimlp.distributed import Failures, ProcessGroup, cpu_threads
from qimlp.predictor import Loaded, count_parameters, sizes_for
from qimlp.settings import TrainSettings
from qimlp.training.engine.errors import (
    NonFiniteLossError,
    TimeLimitReached,
    TrainingInterrupted,
)
from qimlp.training.engine.events import EpochDone
from qimlp.training.engine.open_step import check_step
from qimlp.training.engine.train_state import TrainState
from qimlp.training.engine.trainer import Trainer
from qimlp.training.opening.trainer import open_trainer, undisturbed
from qimlp.training.opening.training_data import TrainingData
from qimlp.training.recording.state_file import StoredState
from qimlp.training.recording.trackers import Tracker, require_tracker
from qimlp.training.runs.advice import advice
from qimlp.training.runs.events import Event, OnEvent, RunFinished, RunStarted
from qimlp.training.runs.finish import finish
from qimlp.training.runs.folder import RunFolder
from qimlp.training.runs.lock import hold
from qimlp.training.runs.recorder import EventTeller, RunRecorder
from qimlp.training.runs.result import RunResult
from qimlp.training.runs.saved_state import restore_state
from qimlp.training.stopping.time_limit import TimeLimit


class Run:
    """Data, network shape and folder of one run; `start` or `go_on` does the work.

    Args:
        settings: What to train, on what, how.
        folder: Where it is written.
        processes: Processes and device.
        on_event: Called with every event, in the main process.
        loaded: The data, where the caller has read it already.
        order: Of the features, where the run has one already: see `learn_features`.
        time_limit: Ends it before its end, to be resumed.

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
        time_limit: TimeLimit | None = None,
    ) -> None:
        self.settings = settings
        self.folder = folder
        self.processes = processes
        check_step(settings.optimisation, settings.compute, processes)
        require_tracker(settings.compute.track)
        with cpu_threads(settings.compute.threads):
            self.data = TrainingData(settings, loaded, order=order)
        processes.require_same(self.data.facts())
        self.sizes = sizes_for(settings, self.data)
        self._on_event = on_event
        self._time_limit = time_limit
        self._tracker: Tracker | None = None
        self._notes: tuple[str, ...] = ()

    def start(
        self, *, overwrite: bool, before_writing: Callable[[], None] | None = None
    ) -> RunResult:
        """Make the run folder, once everything that can be refused is known, and train.

        Args:
            overwrite: Replace an earlier run.
            before_writing: Called in the main process right before the folder is made.

        Returns:
            The result, already on disk.

        Raises:
            FileExistsError: If the run folder exists.
            RunInUseError: If another process trains the run that would be replaced.
            ValueError: If the network cannot be built.
            NonFiniteLossError: If training diverges.
            TrainingInterrupted: On Ctrl-C, and at the time limit.
            OSError: If something cannot be written.
        """
        prepared = self.data.preparation()
        with ExitStack() as held:

            def begin(_: TrainState) -> None:
                if self.processes.is_main:
                    if before_writing is not None:
                        self.folder.require_free(overwrite=overwrite)
                        before_writing()
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
            TrainingInterrupted: On Ctrl-C, and at the time limit.
            OSError: If something cannot be written.
        """

        def begin(train_state: TrainState) -> None:
            if state is not None:
                restore_state(train_state, state, self.settings)
                self._notes = (state.note,) if state.note else ()

        return self._train(begin)

    def _train(self, begin: Callable[[TrainState], None]) -> RunResult:
        """Train to the end. Torch's random state and threads are left as they were."""
        is_late = None if self._time_limit is None else self._time_limit.watch()
        with Failures(self._how_to_go_on), undisturbed(self.settings, self.processes) as stop:
            trainer = open_trainer(
                self.settings,
                self.data,
                self.sizes,
                self.processes,
                callbacks=(
                    RunRecorder(self.folder, self.settings, self.data.fingerprint),
                    EventTeller(self._tell),
                ),
                should_stop=lambda: stop.requested or (is_late is not None and is_late()),
            )
            if self.processes.device.type == "cuda":
                torch.cuda.reset_peak_memory_stats(self.processes.device)
            begin(trainer.state)
            self.processes.require_same({"state": str(trainer.state.progress.step)})
            with self._tracked(trainer.state.progress.epochs):
                self._tell_start(trainer)
                try:
                    complete = trainer.fit()
                except NonFiniteLossError as error:
                    raise NonFiniteLossError(f"{error}; {self._after_divergence()}") from error
                if not complete or self._is_too_late_for_the_test(trainer):
                    raise self._stopped(trainer, by_signal=self.processes.any(stop.requested))
                result = self._finish(trainer)
            if stop.requested:
                raise TrainingInterrupted(f"interrupted; the run {self.folder.path} is complete")
            return result

    def _how_to_go_on(self) -> str:
        """What to do where another process is lost; nothing where the run has not begun."""
        if not self.folder.settings_file.exists():
            return ""
        return f"then resume, with as many processes: qimlp train --resume {self.folder.path}"

    def _is_too_late_for_the_test(self, trainer: Trainer) -> bool:
        """Whether the test set would take longer than there is time, going by the dev part."""
        if self._time_limit is None:
            return False
        dev, test = trainer.dev_batches, self.data.test_batches(self.processes)
        waits = max(test.num_examples / max(dev.num_examples, 1), 1.0)
        return self.processes.any(self._time_limit.is_over(waits))

    def _stopped(self, trainer: Trainer, *, by_signal: bool) -> TrainingInterrupted:
        """What to raise, with the line that says how to go on."""
        progress, restarts = trainer.state.progress, self.settings.network.restarts
        done = "interrupted" if by_signal else f"time limit of {self._time_limit}: stopped"
        if progress.step == 0 and restarts > 1:
            done = f"{done} while {restarts} restarts were compared"
        else:
            done = (
                f"{done} after {len(progress.epochs)} of {self.settings.optimisation.epochs} "
                f"epochs (step {progress.step})"
            )
        kind = TrainingInterrupted if by_signal else TimeLimitReached
        return kind(f"{done}; resume with: qimlp train --resume {self.folder.path}")

    def _after_divergence(self) -> str:
        smaller = self.settings.optimisation.lr / 3
        return (
            f"{self.folder.path} keeps the epochs before; start the run again with a smaller "
            f"learning rate: --lr {smaller:.2g} --overwrite"
        )

    def _finish(self, trainer: Trainer) -> RunResult:
        result = finish(trainer, self.data, self.settings, self.folder, self.sizes)
        if self._tracker is not None:
            found = {f"{name}/test": value for name, value in result.test.items()}
            found |= {"parameters": result.parameters, "best epoch": result.best_epoch}
            self._tracker.add_result(found, trainer.state.progress.step)
        self._tell(RunFinished(result))
        self.processes.barrier()
        return result

    @contextmanager
    def _tracked(self, epochs: list[EpochDone]) -> Iterator[None]:
        """Have the tracker follow, where one is asked for."""
        kind = self.settings.compute.track
        if kind == "none" or not self.processes.is_main:
            yield
            return
        config = self.settings.model_dump(mode="json")
        with closing(Tracker(kind, self.folder.path, config, epochs)) as self._tracker:
            yield
        self._tracker = None

    def _tell(self, event: Event) -> None:
        if not self.processes.is_main:
            return
        if self._tracker is not None and isinstance(event, EpochDone):
            self._tracker.add(event)
        if self._on_event is not None:
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
