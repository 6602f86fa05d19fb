"""The folder of one run: what lies where, and how it comes to be.

::

    settings.json    every setting, resolved
    versions.json    python, torch, qimlp, platform
    preprocess.json  features, scaling, task and fingerprint of the data
    metrics.jsonl    one line per epoch
    tensorboard/     the same as curves
    best/            the best weights (model.safetensors, config.json)
    checkpoints/     epoch-0000 (the start), epoch-0001, ... like best/, where asked for: all of
                     them, or the newest few
    last/            the state to resume from (state.safetensors) and the one before (previous)
    result.json      when the run is complete
    README.md        the model card, then too
    tracking.json    the run's id at W&B or MLflow, where it is tracked there
    .lock            held by the process that trains the run
"""

import os
import platform
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeAlias

import torch

from qimlp._version import __version__
from qimlp.files import (
    printable,
    read_json_lines,
    read_json_object,
    remove_leftovers_of,
    validated,
    whole_folder,
    write_json,
    write_json_lines,
)
from qimlp.predictor import Preparation, read_preparation, write_preparation
from qimlp.settings import TrainSettings, resolve_settings
from qimlp.tasks import KINDS
from qimlp.training.engine.events import EpochDone
from qimlp.training.runs.lock import hold
from qimlp.training.runs.result import RunResult

_MOST_NAMED = 4
# One line of metrics.jsonl; those of earlier versions have other names for the same numbers.
_Number: TypeAlias = int | float | bool | None
_Epoch: TypeAlias = dict[str, _Number | dict[str, _Number]]


class RunFolder:
    """Named places in a run folder.

    Args:
        path: The folder, there or not yet.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.settings_file = self.path / "settings.json"
        self.versions_file = self.path / "versions.json"
        self.preprocess_file = self.path / "preprocess.json"
        self.metrics_file = self.path / "metrics.jsonl"
        self.result_file = self.path / "result.json"
        self.card_file = self.path / "README.md"
        self.tensorboard = self.path / "tensorboard"
        self.best = self.path / "best"
        self.checkpoints = self.path / "checkpoints"
        self.state_file = self.path / "last" / "state.safetensors"
        self.lock_file = self.path / ".lock"

    @classmethod
    def of(cls, out: str | os.PathLike[str], settings: TrainSettings) -> "RunFolder":
        """The folder of a run under an output folder.

        Args:
            out: The output folder, such as `runs`.
            settings: Give the data's, the network's and the seed's part of the name.

        Returns:
            `<out>/<data>-<network>/seed-<n>`, not created.
        """
        run = f"{settings.data_name}-{settings.label}"
        return cls(Path(out) / run / f"seed-{settings.compute.seed}")

    def require_free(self, *, overwrite: bool) -> None:
        """Refuse a folder that exists, or that cannot come to be.

        Args:
            overwrite: Allow an earlier run there, and only that.

        Raises:
            FileExistsError: If something is there that may not be replaced.
            NotADirectoryError: If something on the way there is no folder.
            RunInUseError: If another process trains the run that would be replaced.
        """
        if not os.path.lexists(self.path):
            for parent in self.path.parents:
                if os.path.lexists(parent) and not parent.is_dir():
                    raise NotADirectoryError(
                        f"{parent} is no folder: expected one for the runs; choose another --out"
                    )
            return
        if overwrite and self.settings_file.is_file():
            with hold(self.lock_file):
                return
        if overwrite:
            raise FileExistsError(
                f"{self.path} exists and is not a run folder, so it is not overwritten; "
                "choose another --out"
            )
        raise FileExistsError(
            f"run folder {self.path} exists; use --resume {self.path}, another --out, "
            "or --overwrite"
        )

    def create(self, settings: TrainSettings, prepared: Preparation, *, overwrite: bool) -> None:
        """Make the folder with its description in it, whole or not at all.

        Args:
            settings: Written as `settings.json`.
            prepared: Written as `preprocess.json`.
            overwrite: Replace an earlier run.

        Raises:
            FileExistsError: If something is there that may not be replaced.
            RunInUseError: If another process trains the run that would be replaced.
            OSError: If it cannot be written.
        """
        self.require_free(overwrite=overwrite)
        remove_leftovers_of(self.path)
        with whole_folder(self.path, replace=overwrite) as temporary:
            fresh = RunFolder(temporary)
            fresh.state_file.parent.mkdir()
            write_json(fresh.settings_file, settings.model_dump(mode="json"))
            write_json(fresh.versions_file, versions())
            write_preparation(fresh.path, prepared)

    def require_run(self) -> None:
        """Refuse what is no run folder; of a folder of runs, name them.

        Raises:
            FileNotFoundError: If there is no run here.
            NotADirectoryError: If it is a file.
        """
        name = printable(str(self.path))
        if not os.path.lexists(self.path):
            raise FileNotFoundError(f"{name} not found: expected a run folder")
        if not self.path.is_dir():
            raise NotADirectoryError(f"{name} is a file: expected a run folder")
        if os.path.lexists(self.settings_file):
            return
        found = sorted(
            file.parent.relative_to(self.path).as_posix()
            for pattern in ("*/settings.json", "*/*/settings.json")
            for file in self.path.glob(pattern)
        )
        if not found:
            raise FileNotFoundError(
                f"{name} is no run folder: expected {self.settings_file.name} in it"
            )
        more = f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
        names = ", ".join(printable(run, 60) for run in found[:_MOST_NAMED])
        raise FileNotFoundError(
            f"{name}: expected a run folder, got a folder of runs: {names}{more}; name one"
        )

    def is_run_rather_than_experiment(self) -> bool:
        """Whether this is to be read as one run, if only to say that it is none."""
        return os.path.lexists(self.settings_file) or not (self.path / "experiment.json").exists()

    def read_settings(self) -> TrainSettings:
        """Read the run's settings.

        Returns:
            The resolved settings.

        Raises:
            FileNotFoundError: If this is not a run folder.
            ValueError: If the file is damaged.
        """
        self.require_run()
        values = read_json_object(self.settings_file, what="the settings of a run")
        return resolve_settings(values, source=str(self.settings_file))

    def read_preparation(self) -> Preparation:
        """Read how the run's data was prepared.

        Returns:
            The content of `preprocess.json`.

        Raises:
            FileNotFoundError: If it is missing.
            ValueError: If it is damaged.
        """
        return read_preparation(self.path)

    def read_result(self) -> RunResult | None:
        """Read the result of a complete run.

        Returns:
            The result; None while the run is not complete.

        Raises:
            ValueError: If the file is damaged.
        """
        if not os.path.lexists(self.result_file):
            return None
        values = read_json_object(self.result_file, what="the result of a run")
        name = printable(str(self.result_file))
        try:
            found = RunResult.from_dict({**values, "folder": str(self.path)})
        except (TypeError, ValueError) as error:
            raise ValueError(f"{name}: {printable(str(error))}") from None
        result = validated(RunResult, asdict(found), source=self.result_file)
        if min(result.parameters, result.dense_parameters, result.best_epoch) < 1:
            raise ValueError(f"{name}: expected parameters and best_epoch of at least 1")
        kind = KINDS.get(result.task)
        wanted = () if kind is None else tuple(metric.name for metric in kind.metrics)
        if not wanted or not result.test.keys() >= {*wanted} or wanted[0] not in result.dev:
            raise ValueError(
                f"{name}: expected a task of {', '.join(KINDS)}, and its metrics in dev and test"
            )
        return result

    def read_metrics(self) -> list[dict[str, Any]]:
        """Read `metrics.jsonl`.

        Returns:
            The epochs so far; none where the file is missing.

        Raises:
            ValueError: If the file is damaged.
        """
        if not os.path.lexists(self.metrics_file):
            return []
        rows = read_json_lines(self.metrics_file, what="an epoch of a run")
        return validated(list[_Epoch], rows, source=self.metrics_file)

    def read_versions(self) -> dict[str, str]:
        """Read `versions.json`.

        Returns:
            What the run's numbers may depend on beside its settings.

        Raises:
            FileNotFoundError: If it is missing.
            ValueError: If it is damaged.
        """
        what = "the versions that a run was trained with"
        values = read_json_object(self.versions_file, what=what)
        return validated(dict[str, str], values, source=self.versions_file)

    def write_metrics(self, epochs: list[EpochDone]) -> None:
        """Write `metrics.jsonl` whole.

        Args:
            epochs: All epochs so far.

        Raises:
            OSError: If it cannot be written.
        """
        rows = [epoch.to_dict() for epoch in epochs]
        write_json_lines(self.metrics_file, rows, durable=False)  # the state holds them too


def versions() -> dict[str, str]:
    """What a run's numbers may depend on beside its settings.

    Returns:
        Versions of qimlp, python and torch, and the platform.
    """
    return {
        "qimlp": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "platform": platform.platform(),
    }
