"""TensorBoard curves of one run.

Records are written by TensorBoard's own record writer in this thread, not by its event writer:
that one writes in a thread of its own, where a full disk ends in a stack trace.
"""

import time
from pathlib import Path
from types import TracebackType

from qimlp.training.engine.events import EpochDone


def scalars(epoch: EpochDone) -> dict[str, float]:
    """Name the numbers of an epoch as curves have them.

    Args:
        epoch: The epoch.

    Returns:
        Values by name, such as `accuracy/dev`.
    """
    return {
        "loss/train": epoch.train_loss,
        **{f"{name}/dev": value for name, value in epoch.dev.items()},
        "learning rate": epoch.lr,
    }


class Curves:
    """Appends scalars to a fresh event file; files of an earlier part of the run are replaced.

    Args:
        folder: The `tensorboard/` folder of a run; made if missing.
        history: Epochs done before, written first.

    Raises:
        OSError: If the file cannot be written.
    """

    def __init__(self, folder: Path, history: list[EpochDone]) -> None:
        from tensorboard.summary.writer.record_writer import (  # noqa: PLC0415 - slow to load
            RecordWriter,
        )

        folder.mkdir(exist_ok=True)
        for old in folder.glob("events.out.tfevents.*"):
            old.unlink()
        self._path = folder / f"events.out.tfevents.{int(time.time())}.qimlp"
        self._writer = RecordWriter(self._path.open("wb", buffering=0))
        try:
            self._write(file_version="brain.Event:2")
            for epoch in history:
                self.add(epoch)
        except OSError:
            self.close()
            raise

    def add(self, epoch: EpochDone) -> None:
        """Add one epoch and hand it to the system.

        Args:
            epoch: Its numbers.
        """
        from tensorboard.compat.proto.summary_pb2 import Summary  # noqa: PLC0415 - slow to load

        named = scalars(epoch).items()
        values = [Summary.Value(tag=tag, simple_value=value) for tag, value in named]
        self._write(step=epoch.step, summary=Summary(value=values))

    def _write(self, **fields: object) -> None:
        from tensorboard.compat.proto.event_pb2 import Event  # noqa: PLC0415 - slow to load

        record = Event(wall_time=time.time(), **fields).SerializeToString()
        try:
            self._writer.write(record)
        except OSError as error:
            reason = f"cannot write: {error.strerror}"
            raise OSError(error.errno, reason, str(self._path)) from error

    def close(self) -> None:
        """Close the file."""
        self._writer.close()

    def __enter__(self) -> "Curves":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
