"""Weights & Biases and MLflow, through Accelerate's trackers, where a run asks for one.

Nothing of them is imported, and nothing leaves the machine, unless it is asked for; where to is
the library's own business: WANDB_MODE, WANDB_PROJECT, MLFLOW_TRACKING_URI and so on say so.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from qimlp.files import printable, read_json_object, validated, write_json
from qimlp.training.engine.events import EpochDone
from qimlp.training.recording.curves import scalars

_PROJECT = "qimlp"
_FILE = "tracking.json"
_ERRORS = {"wandb": ("wandb.errors", "Error"), "mlflow": ("mlflow.exceptions", "MlflowException")}
_ADVICE = {
    "wandb": "log in with wandb login, or set WANDB_MODE=offline",
    "mlflow": "check MLFLOW_TRACKING_URI",
}


def require_tracker(kind: Literal["none", "wandb", "mlflow"]) -> None:
    """Refuse a tracker whose package is not there, before anything is trained.

    Args:
        kind: Which one.

    Raises:
        ImportError: If it is not installed.
    """
    if kind != "none" and find_spec(kind) is None:
        raise ImportError(f"track {kind}: {kind} is not installed; pip install {kind}")


class Tracker:
    """One run as a tracker sees it; a run that goes on is the same one there.

    Its name is that of the run folder, and its id is kept in `tracking.json` of that folder.

    Args:
        kind: `"wandb"` or `"mlflow"`.
        folder: The run folder; it exists.
        config: The settings, by name.
        history: Epochs done before; the last is told again, for it may not have arrived.

    Raises:
        OSError: If the tracker cannot be reached, or does not take what it is given.
    """

    def __init__(
        self,
        kind: Literal["wandb", "mlflow"],
        folder: Path,
        config: Mapping[str, Any],
        history: list[EpochDone],
    ) -> None:
        from accelerate import PartialState  # noqa: PLC0415 - slow to load

        PartialState()  # trackers log through Accelerate, which wants to know its processes
        self._kind = kind
        with self._failing_in_one_line():
            self._tracker = _start_wandb(folder) if kind == "wandb" else _start_mlflow(folder)
            if not history:
                self._tracker.store_init_configuration(dict(config))
        for epoch in history[-1:]:
            self.add(epoch)

    def add(self, epoch: EpochDone) -> None:
        """Tell one epoch.

        Args:
            epoch: Its numbers.

        Raises:
            OSError: If the tracker does not take them.
        """
        self._log(scalars(epoch), epoch.step)

    def add_result(self, result: Mapping[str, float], step: int) -> None:
        """Tell what came out.

        Args:
            result: Numbers by name.
            step: Steps of the whole run.

        Raises:
            OSError: If the tracker does not take them.
        """
        self._log(dict(result), step)

    def close(self) -> None:
        """End the run there, at the end or at an interruption."""
        with self._failing_in_one_line():
            self._tracker.finish()

    def _log(self, values: dict[str, float], step: int) -> None:
        with self._failing_in_one_line():
            self._tracker.log(values, step=step)

    @contextmanager
    def _failing_in_one_line(self) -> Iterator[None]:
        module, name = _ERRORS[self._kind]
        failure: type[Exception] = getattr(import_module(module), name)
        try:
            yield
        except failure as error:
            reason = printable(" ".join(str(error).split()), 200)
            raise OSError(f"track {self._kind}: {reason}; {_ADVICE[self._kind]}") from error


def _start_wandb(folder: Path) -> Any:
    from accelerate.tracking import WandBTracker  # noqa: PLC0415 - slow to load

    known = _read_id(folder, "wandb")
    if known is None:
        known = secrets.token_hex(8)
        _write_id(folder, "wandb", known)
    tracker = WandBTracker(
        os.environ.get("WANDB_PROJECT", _PROJECT),
        name=_name(folder),
        id=known,
        resume="allow",
        dir=os.environ.get("WANDB_DIR", str(folder)),
    )
    tracker.start()
    return tracker


def _start_mlflow(folder: Path) -> Any:
    from accelerate.tracking import MLflowTracker  # noqa: PLC0415 - slow to load

    known = _read_id(folder, "mlflow")
    tracker = MLflowTracker(_PROJECT, run_id=known, run_name=_name(folder))
    tracker.start()
    if known is None:
        _write_id(folder, "mlflow", tracker.tracker.info.run_id)
    return tracker


def _name(folder: Path) -> str:
    full = folder.resolve()
    return f"{full.parent.name}/{full.name}"


def _read_id(folder: Path, kind: str) -> str | None:
    file = folder / _FILE
    if not os.path.lexists(file):
        return None
    values = read_json_object(file, what="where a run is tracked")
    return validated(dict[str, str], values, source=file).get(kind)


def _write_id(folder: Path, kind: str, known: str) -> None:
    write_json(folder / _FILE, {kind: known})
