"""Run one cell: train through `qimlp.training.fit`, keep what the report needs."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from qimlp.data import Encoder
from qimlp.files import read_json_object
from qimlp.paper.campaign.store import Entry, Store
from qimlp.paper.cells.cell import Cell
from qimlp.predictor import Loaded
from qimlp.settings import TrainSettings
from qimlp.training import (
    EpochDone,
    Event,
    NonFiniteLossError,
    OnEvent,
    RunFolder,
    RunResult,
    RunStarted,
    StepsDone,
    fit,
    load_data,
    resume,
)

HISTORY = ("train_loss", "dev_loss", "dev_accuracy", "test_accuracy")
"""What is kept of every epoch."""


@dataclass(frozen=True)
class Workspace:
    """Where cells run and what they leave.

    Attributes:
        results: Folder of the entries.
        runs: Folder of the run folders.
        data_dir: Folder of named data, or None for the one that the environment names.
        device: As in `TrainSettings`.
        threads: CPU threads of one cell.
        keep_runs: Whether a finished cell's run folder stays.
        checkpoints: Names of the cells that keep the network of every epoch in their run folder.
    """

    results: Path
    runs: Path
    data_dir: str | None = None
    device: str = "auto"
    threads: int = 1
    keep_runs: bool = False
    checkpoints: frozenset[str] = frozenset()


def run_cell(cell: Cell, workspace: Workspace, on_progress: Callable[[float], None]) -> Entry:
    """Train a cell, or go on where it was broken off, and write its entry.

    Args:
        cell: The cell.
        workspace: Where.
        on_progress: Called with the done part, from 0 to 1.

    Returns:
        The entry, already on disk. Training that diverges makes an entry that says so.

    Raises:
        FileNotFoundError: If the data is not there.
        TrainingInterrupted: On Ctrl-C.
        OSError: If something cannot be written.
    """
    settings = cell.settings(
        data_dir=workspace.data_dir,
        device=workspace.device,
        threads=workspace.threads,
        checkpoints=cell.name in workspace.checkpoints,
    )
    store = Store(workspace.results)
    folder = RunFolder.of(workspace.runs / cell.key()[:12], settings)
    watch = _Watch(on_progress)
    loaded = load_once(settings)
    try:
        result = _train(settings, folder, watch, loaded)
    except NonFiniteLossError as error:
        outcome: dict[str, Any] = {
            "parameters": watch.parameters,
            "best_epoch": None,
            "dev_accuracy": None,
            "test_accuracy": None,
            "seconds": None,
            "seconds_per_step": None,
            "memory_bytes": None,
            "failure": str(error),
        }
    else:
        outcome = {
            "parameters": result.parameters,
            "best_epoch": result.best_epoch,
            "dev_accuracy": result.dev["accuracy"],
            "test_accuracy": result.test["accuracy"],
            "seconds": round(result.seconds_per_step * watch.steps, 1),
            "seconds_per_step": round(result.seconds_per_step, 7),
            "memory_bytes": result.memory["total"],
        }
    history = _history(folder)
    versions = read_json_object(folder.versions_file, what="the versions of a run")
    entry = Entry(
        cell=cell.name,
        key=cell.key(),
        settings=cell.settings().model_dump(mode="json"),
        best_test_accuracy_seen=max(history["test_accuracy"], default=None),
        history=history,
        steps_per_epoch=watch.steps_per_epoch,
        encoder=encoder_label(settings),
        versions=versions,
        **outcome,
    )
    store.write(cell, entry)
    if not workspace.keep_runs:
        shutil.rmtree(workspace.runs / cell.key()[:12], ignore_errors=True)
    return entry


def _train(settings: TrainSettings, folder: RunFolder, watch: OnEvent, loaded: Loaded) -> RunResult:
    out = folder.path.parents[1]
    if folder.settings_file.is_file():
        try:
            return resume(folder.path, on_event=watch, loaded=loaded)
        except ValueError:  # what was left is of no use: the cell starts anew
            return fit(settings, out=out, overwrite=True, on_event=watch, loaded=loaded)
    return fit(settings, out=out, on_event=watch, loaded=loaded)


class _Watch:
    """Takes a run's events; reports how far it is."""

    def __init__(self, on_progress: Callable[[float], None]) -> None:
        self._on_progress = on_progress
        self.steps = 1
        self.steps_per_epoch: int | None = None
        self.parameters: int | None = None

    def __call__(self, event: Event) -> None:
        if isinstance(event, RunStarted):
            self.steps = event.epochs * event.steps_per_epoch
            self.steps_per_epoch = event.steps_per_epoch
            self.parameters = event.parameters
        elif isinstance(event, StepsDone | EpochDone):
            self._on_progress(event.step / self.steps)


def rounded(history: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
    """The part of a history that is kept, short enough for a file.

    Args:
        history: Values per epoch by name.

    Returns:
        The same with six places.
    """
    return {name: [round(value, 6) for value in history[name]] for name in HISTORY}


def history_of(epochs: Sequence[EpochDone]) -> dict[str, list[float]]:
    """Collect what is kept of every epoch.

    Args:
        epochs: Of a run that watched its test set.

    Returns:
        Values of every epoch, by the names of `HISTORY`.
    """
    return {
        "train_loss": [epoch.train_loss for epoch in epochs],
        "dev_loss": [epoch.dev["loss"] for epoch in epochs],
        "dev_accuracy": [epoch.dev["accuracy"] for epoch in epochs],
        "test_accuracy": [(epoch.test or {})["accuracy"] for epoch in epochs],
    }


def _history(folder: RunFolder) -> dict[str, list[float]]:
    epochs = [EpochDone.from_dict(epoch) for epoch in folder.read_metrics()]
    return rounded(history_of(epochs))


def encoder_label(settings: TrainSettings) -> str | None:
    """What made the features of texts.

    Args:
        settings: Of a cell.

    Returns:
        The encoder's label, and whether it was trained; None where there is none.
    """
    features = settings.features
    if features.text != "encoder":
        return None
    label = Encoder(features.encoder, features.pooling, features.max_tokens).label
    return f"{label}, fine-tuned" if features.finetune else label


def load_once(settings: TrainSettings) -> Loaded:
    """Read the data once for all cells of this process that use it.

    Args:
        settings: Name the data.

    Returns:
        The data.

    Raises:
        FileNotFoundError: If it is not there.
        ValueError: If it is not usable.
    """
    data = settings.dataset
    return _load_named(data.data, data.data_dir, settings.features.text is not None)


@lru_cache(maxsize=1)
def _load_named(data: str, data_dir: str | None, texts: bool) -> Loaded:
    options = {"data": data, "data_dir": data_dir, "text": "tfidf" if texts else None}
    return load_data(TrainSettings.model_validate(options))
