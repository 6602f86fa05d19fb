"""The callback that writes a run folder while a network trains."""

from __future__ import annotations

from qimlp.settings import TrainSettings
from qimlp.training.engine.callbacks import Callback
from qimlp.training.engine.events import EpochDone, StepsDone
from qimlp.training.engine.trainer import Trainer
from qimlp.training.recording.checkpoints import keep_checkpoint
from qimlp.training.recording.curves import Curves
from qimlp.training.runs.events import OnEvent
from qimlp.training.runs.folder import RunFolder
from qimlp.training.runs.saved_state import save_state


class RunRecorder(Callback):
    """Writes the best weights, epochs, curves and state of a run.

    Args:
        folder: The run folder; it exists.
        settings: Of the run.
        fingerprint: Of the data.
    """

    def __init__(self, folder: RunFolder, settings: TrainSettings, fingerprint: str) -> None:
        self._folder = folder
        self._settings = settings
        self._fingerprint = fingerprint
        self._curves: Curves | None = None

    def on_start(self, trainer: Trainer) -> None:
        """Open the curves, with the epochs so far; keep the start where checkpoints are kept."""
        progress = trainer.state.progress
        if trainer.state.processes.is_main:
            self._curves = Curves(self._folder.tensorboard, progress.epochs)
            if progress.step == 0:
                self._keep_checkpoint(trainer)

    def on_epoch(self, trainer: Trainer, epoch: EpochDone) -> None:
        """Write the epoch, its weights if they are the best, and the state."""
        if trainer.state.processes.is_main:
            if epoch.best:
                # The state holds them too, and waits for the disk where that is due.
                trainer.state.evaluated.save_pretrained(self._folder.best, durable=False)
            self._keep_checkpoint(trainer)
            self._folder.write_metrics(trainer.state.progress.epochs)
        if self._curves is not None:
            self._curves.add(epoch)
        self._save(trainer)

    def on_stop(self, trainer: Trainer) -> None:
        """Write the state, so that the run can be resumed."""
        self._save(trainer)

    def on_end(self, trainer: Trainer) -> None:  # noqa: ARG002 - of the protocol
        """Close the curves."""
        if self._curves is not None:
            self._curves.close()

    def _save(self, trainer: Trainer) -> None:
        save_state(trainer.state, self._folder.state_file, self._settings, self._fingerprint)

    def _keep_checkpoint(self, trainer: Trainer) -> None:
        compute = self._settings.compute
        if compute.checkpoints or compute.keep_last is not None:
            keep_checkpoint(
                self._folder.checkpoints,
                trainer.state.evaluated,
                len(trainer.state.progress.epochs),
                newest=compute.keep_last,
            )


class EventTeller(Callback):
    """Hands steps and epochs on to whoever follows a run, in the main process.

    Args:
        on_event: Called with every event; None for nobody.
    """

    def __init__(self, on_event: OnEvent | None) -> None:
        self._on_event = on_event

    def on_steps(self, trainer: Trainer, steps: StepsDone) -> None:
        """Hand the steps on."""
        if self._on_event is not None and trainer.state.processes.is_main:
            self._on_event(steps)

    def on_epoch(self, trainer: Trainer, epoch: EpochDone) -> None:
        """Hand the epoch on."""
        if self._on_event is not None and trainer.state.processes.is_main:
            self._on_event(epoch)
