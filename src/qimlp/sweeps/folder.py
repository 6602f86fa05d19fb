"""The folder of a sweep: what lies where, and how it comes to be.

::

    sweep.json        settings, what is searched, name and storage of the study (no password)
    sweep.db          the trials, unless another storage is named
    trials.jsonl      what came of every finished trial
    leaderboard.csv   the same as a table, the best first
    front.json        the trials that none beats in both metric and parameters
    front.png, ...    figures
    best/settings.json  settings of the best trial, as `qimlp train --config` reads them
"""

import csv
import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qimlp.files import (
    printable,
    read_json_lines,
    read_json_object,
    shown,
    validated,
    write_json,
    write_json_lines,
    write_text,
)
from qimlp.settings import TrainSettings, resolve_settings
from qimlp.sweeps.plan import SweepPlan, settings_of
from qimlp.sweeps.results import TrialResult, pareto_front, ranked

_WHAT = "what a sweep is"


@dataclass(frozen=True)
class SweepResult:
    """What came of a sweep.

    Attributes:
        folder: Where its files lie.
        settings: Those of every trial, but for what was searched.
        searched: Names of the settings that were searched.
        objectives: What the trials were judged by: `metric`, or `metric` and `parameters`.
        metric: Name of the metric on the dev part.
        higher_is_better: Of the metric.
        trials: Those that are finished, by number.
    """

    folder: Path
    settings: TrainSettings
    searched: tuple[str, ...]
    objectives: tuple[str, ...]
    metric: str
    higher_is_better: bool
    trials: tuple[TrialResult, ...]

    @property
    def leaderboard(self) -> list[TrialResult]:
        """The complete trials, the best on dev first."""
        return ranked(self.trials, higher_is_better=self.higher_is_better)

    @property
    def front(self) -> list[TrialResult]:
        """The complete trials that none beats in both metric and parameters, the smallest first."""
        return pareto_front(self.trials, higher_is_better=self.higher_is_better)

    def best(self) -> TrialResult:
        """The complete trial that is best on the dev part.

        Raises:
            ValueError: If no trial is complete.
        """
        if not self.leaderboard:
            failed = next((trial for trial in self.trials if trial.reason), None)
            why = f"; trial {failed.number} failed: {failed.reason}" if failed else ""
            raise ValueError(f"{printable(str(self.folder))}: no trial is complete{why}")
        return self.leaderboard[0]

    def settings_of(self, number: int | None = None) -> TrainSettings:
        """Settings that `qimlp.training.fit` trains a trial's network with once more.

        Args:
            number: Of the trial; None for the best on dev.

        Returns:
            The settings, with the CPU threads of the trial, so that every bit is the same.

        Raises:
            ValueError: If there is no such complete trial.
        """
        if number is None:
            trial = self.best()
        else:
            chosen = [trial for trial in self.leaderboard if trial.number == number]
            if not chosen:
                self.best()  # says so where there is none at all
                known = sorted(trial.number for trial in self.leaderboard)
                raise ValueError(
                    f"{printable(str(self.folder))}: trial {number} is not among the complete "
                    f"ones: {shown(known, 120)}"
                )
            trial = chosen[0]
        return settings_of(self.settings, trial.params).replace(threads=trial.threads)


class SweepFolder:
    """Named places in the folder of a sweep.

    Args:
        path: The folder, there or not yet.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.plan_file = self.path / "sweep.json"
        self.storage_file = self.path / "sweep.db"
        self.trials_file = self.path / "trials.jsonl"
        self.leaderboard_file = self.path / "leaderboard.csv"
        self.front_file = self.path / "front.json"
        self.best_settings_file = self.path / "best" / "settings.json"

    def require_usable(self) -> None:
        """Refuse what is neither a folder of a sweep nor free.

        Raises:
            FileExistsError: If something else is there.
            NotADirectoryError: If it, or something on the way there, is no folder.
        """
        name = printable(str(self.path))
        for place in (self.path, *self.path.parents):
            if os.path.lexists(place) and not place.is_dir():
                raise NotADirectoryError(
                    f"{printable(str(place))} is no folder: expected one for the sweep; choose "
                    "another --out"
                )
        if not self.path.is_dir() or self.plan_file.exists():
            return
        begun = self.storage_file.name  # by one that was killed at once
        if any(not entry.name.startswith(begun) for entry in self.path.iterdir()):
            raise FileExistsError(
                f"{name} exists and is not the folder of a sweep; choose another --out"
            )

    def write_plan(self, plan: SweepPlan, *, name: str, storage: str) -> None:
        """Write what the sweep is.

        Args:
            plan: The sweep.
            name: Of the study.
            storage: Where it is, without a password.

        Raises:
            OSError: If it cannot be written.
        """
        values = {
            **plan.about(),
            "settings": plan.settings.model_dump(mode="json"),
            "metric": plan.metric,
            "higher_is_better": plan.higher_is_better,
            "name": name,
            "storage": storage,
        }
        write_json(self.plan_file, values)

    def require_sweep(self, *, name: str, storage: str) -> None:
        """Refuse the folder of another sweep.

        Args:
            name: Of the study.
            storage: Where it is, without a password.

        Raises:
            FileExistsError: If another one lies here.
            ValueError: If the file is damaged.
        """
        if not self.plan_file.exists():
            return
        known = read_json_object(self.plan_file, what=_WHAT)
        if (known.get("name"), known.get("storage")) != (name, storage):
            raise FileExistsError(
                f"{printable(str(self.path))} is the folder of the sweep {shown(known.get('name'))}"
                f" in {shown(known.get('storage'), 200)}; choose another --out"
            )

    def write_results(self, result: SweepResult) -> None:
        """Write every file but the figures.

        Args:
            result: Of the sweep so far.

        Raises:
            OSError: If something cannot be written.
        """
        write_json_lines(self.trials_file, [trial.to_dict() for trial in result.trials])
        write_text(self.leaderboard_file, _csv(result))
        write_json(self.front_file, [_brief(trial) for trial in result.front])
        if result.leaderboard:
            self.best_settings_file.parent.mkdir(exist_ok=True)
            settings = result.settings_of().model_dump(mode="json")
            write_json(self.best_settings_file, settings)


@dataclass(frozen=True)
class _Plan:
    """What is read back of `sweep.json`."""

    settings: dict[str, Any]
    search: dict[str, Any]
    objectives: list[str]
    metric: str
    higher_is_better: bool


def read_sweep(out: str | os.PathLike[str]) -> SweepResult:
    """Read what came of a sweep.

    Args:
        out: Its folder.

    Returns:
        The finished trials; those of other machines, too, as far as this one has heard of them.

    Raises:
        FileNotFoundError: If there is no sweep.
        ValueError: If no trial is finished, or a file is damaged.
    """
    folder = SweepFolder(out)
    name = printable(str(folder.path))
    if not folder.plan_file.exists():
        raise FileNotFoundError(f"{name}: expected the folder of a sweep, with sweep.json in it")
    if not folder.trials_file.exists():
        raise ValueError(f"{name}: no trial is finished; run the same qimlp sweep to go on")
    plan = read_json_object(folder.plan_file, what=_WHAT)
    kept = validated(_Plan, plan, source=folder.plan_file)
    rows = read_json_lines(folder.trials_file, what="a trial of a sweep")
    return SweepResult(
        folder=folder.path,
        settings=resolve_settings(kept.settings, source=str(folder.plan_file)),
        searched=tuple(kept.search),
        objectives=tuple(kept.objectives),
        metric=kept.metric,
        higher_is_better=kept.higher_is_better,
        trials=tuple(validated(list[TrialResult], rows, source=folder.trials_file)),
    )


def _csv(result: SweepResult) -> str:
    """Every finished trial: the complete ones from the best on, then the others by number."""
    front = {trial.number for trial in result.front}
    complete = result.leaderboard
    others = [trial for trial in result.trials if trial.state != "complete"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    head = ["trial", "state", f"dev_{result.metric}", "parameters", "front", "best_epoch"]
    writer.writerow([*head, "epochs", "seconds", *result.searched, "reason"])
    for trial in [*complete, *others]:
        numbers = [trial.number, trial.state, trial.metric, trial.parameters]
        trained = [trial.best_epoch, len(trial.curve), trial.seconds]
        params = [trial.params.get(name) for name in result.searched]
        on_front = "yes" if trial.number in front else "no"
        writer.writerow([*numbers, on_front, *trained, *params, trial.reason])
    return text.getvalue()


def _brief(trial: TrialResult) -> dict[str, Any]:
    return {
        "trial": trial.number,
        "metric": trial.metric,
        "parameters": trial.parameters,
        "params": dict(trial.params),
    }
