"""What may follow a training: anything that records, shows or ends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qimlp.training.engine.events import EpochDone, StepsDone

if TYPE_CHECKING:
    from qimlp.training.engine.trainer import Trainer


class Callback:
    """Called by a `Trainer` in every process; each method does nothing unless it is overridden.

    What a callback raises ends the training.
    """

    def on_start(self, trainer: Trainer) -> None:
        """Follow the start, right before the first step, also of a training that is continued.

        Args:
            trainer: The trainer.
        """

    def on_steps(self, trainer: Trainer, steps: StepsDone) -> None:
        """Follow some steps, after the loss was checked.

        Args:
            trainer: The trainer.
            steps: What was done.
        """

    def on_epoch(self, trainer: Trainer, epoch: EpochDone) -> None:
        """Follow an epoch, after it was evaluated on the dev part.

        Args:
            trainer: The trainer.
            epoch: The epoch.
        """

    def on_stop(self, trainer: Trainer) -> None:
        """Follow a stop before the end.

        Args:
            trainer: The trainer.
        """

    def on_end(self, trainer: Trainer) -> None:
        """Follow the end, success or not.

        Args:
            trainer: The trainer.
        """
