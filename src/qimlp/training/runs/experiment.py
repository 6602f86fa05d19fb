"""Several networks and seeds on one data set: one run each, then their comparison."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from qimlp.data import TableDataSet, TextDataSet, grid_shape
from qimlp.distributed import Failures, connect, launched_rank
from qimlp.files import printable, read_json_object, validated, write_json
from qimlp.predictor import Loaded, build_network, sizes_for
from qimlp.settings import TrainSettings, resolve_settings
from qimlp.training.comparison.compare import Comparison, compare
from qimlp.training.comparison.report import write_comparison
from qimlp.training.engine.errors import TimeLimitReached, TrainingInterrupted
from qimlp.training.opening.source import load_data, located
from qimlp.training.opening.training_data import TrainingData
from qimlp.training.runs.events import OnEvent
from qimlp.training.runs.fit import fit, open_run, resume
from qimlp.training.runs.folder import RunFolder
from qimlp.training.runs.result import RunResult
from qimlp.training.stopping.time_limit import TimeLimit

PathLike = str | os.PathLike[str]
Load = Callable[[TrainSettings], Loaded]
Revise = Callable[[Sequence[TrainSettings], Load], Sequence[TrainSettings]]
_FILE = "experiment.json"


@dataclass(frozen=True)
class Experiment:
    """Finished runs and how they compare.

    Attributes:
        results: One per run, in the order of the settings.
        comparison: Rows per network.
        table: `comparison.md` (`comparison.json` lies beside it).
        figure: `comparison.png`.
    """

    results: list[RunResult]
    comparison: Comparison
    table: Path
    figure: Path


def run_experiment(
    runs: Sequence[TrainSettings],
    *,
    out: PathLike = "runs",
    overwrite: bool = False,
    on_event: OnEvent | None = None,
    revise: Revise | None = None,
    time_limit: TimeLimit | None = None,
) -> Experiment:
    """Train every run, then compare them.

    Nothing is trained or written if any run folder is taken, or if `out` holds the plan of other
    runs that are not complete. The data is read once; twice where some runs are of model table.

    Args:
        runs: The settings of every run; their run folders must differ.
        out: Folder for the run folders and the comparison.
        overwrite: Replace earlier runs, and give up the plan of unfinished ones.
        on_event: Called with every event.
        revise: Takes the runs and what gives the data of each, and gives the runs as they shall be.
        time_limit: Ends the experiment before its end, to be resumed.

    Returns:
        The results and the comparison, which lie in `out` too.

    Raises:
        FileExistsError: If a run folder exists, or other runs there are not complete.
        RunInUseError: If another process trains a run that would be replaced.
        ValueError: If two runs would share a folder, or settings and data do not fit.
        TrainingInterrupted: On Ctrl-C; what was done is on disk.
        TimeLimitReached: At the time limit, likewise.
        OSError: If something cannot be written.
    """
    with Failures():
        if runs:
            connect(runs[0].compute.device, runs[0].compute.process_timeout)
        return _run_all(Path(out), runs, overwrite, on_event, revise, time_limit)


def _run_all(
    root: Path,
    runs: Sequence[TrainSettings],
    overwrite: bool,
    on_event: OnEvent | None,
    revise: Revise | None,
    time_limit: TimeLimit | None,
) -> Experiment:
    runs = [located(settings) for settings in runs]
    _require_free(root, runs, overwrite=overwrite)
    load = _loader()
    for settings in runs:
        load(settings)
    if revise is not None:
        runs = revise(runs, load)
        _require_free(root, runs, overwrite=overwrite)
    _check_networks(runs, load)
    plan = {"runs": [settings.model_dump(mode="json") for settings in runs]}
    planned = False

    def write_plan() -> None:
        """Before the first run folder; what is refused until then leaves the plan that was there.

        A process that is killed right after leaves a plan, none of whose runs has begun.
        """
        nonlocal planned
        if not planned:
            root.mkdir(parents=True, exist_ok=True)
            write_json(root / _FILE, plan)
            planned = True

    def train(settings: TrainSettings) -> RunResult:
        run = open_run(
            settings,
            out=root,
            overwrite=overwrite,
            on_event=on_event,
            loaded=load(settings),
            time_limit=time_limit,
        )
        return run.start(overwrite=overwrite, before_writing=write_plan)

    return _finish(root, runs, train, load, time_limit)


def resume_experiment(
    path: PathLike, *, on_event: OnEvent | None = None, time_limit: TimeLimit | None = None
) -> Experiment:
    """Continue an interrupted experiment: complete runs are kept, the others trained.

    Args:
        path: The output folder of `run_experiment`.
        on_event: Called with every event.
        time_limit: Ends it before its end; no matter what it had before.

    Returns:
        The results and the comparison.

    Raises:
        FileNotFoundError: If there is no experiment.
        ValueError: If something there is damaged, or the data or a run has changed.
        TrainingInterrupted: On Ctrl-C; what was done is on disk.
        TimeLimitReached: At the time limit, likewise.
        OSError: If something cannot be written.
    """
    root = Path(path)
    runs = read_experiment(root)
    load = _loader()

    def train(settings: TrainSettings) -> RunResult:
        folder = RunFolder.of(root, settings)
        common: dict[str, Any] = {"on_event": on_event, "time_limit": time_limit}
        if not folder.path.exists():
            return fit(settings, out=root, loaded=load(settings), **common)
        _require_planned(folder, settings)
        return resume(folder.path, loaded=load(settings), **common)

    with Failures():
        connect(runs[0].compute.device, runs[0].compute.process_timeout)
        return _finish(root, runs, train, load, time_limit)


def _require_planned(folder: RunFolder, settings: TrainSettings) -> None:
    """Refuse an earlier run that was about to be replaced when the process was killed."""
    changed = settings.changed_since(folder.read_settings().numeric())
    if changed:
        raise ValueError(
            f"{folder.path} is another run than {_FILE} plans ({', '.join(changed)}): an earlier "
            "one that was to be replaced; start the runs again with --overwrite"
        )


def _loader() -> Load:
    """Gives the data of each run; runs of model table share theirs, and so do all others."""
    found: dict[bool, Loaded] = {}

    def load(settings: TrainSettings) -> Loaded:
        of_tables = settings.network.kind == "table"
        if of_tables not in found:
            found[of_tables] = load_data(settings)
        return found[of_tables]

    return load


def read_experiment(path: PathLike) -> list[TrainSettings]:
    """Read which runs an experiment consists of.

    Args:
        path: The output folder of `run_experiment`.

    Returns:
        The settings of every run.

    Raises:
        FileNotFoundError: If there is no experiment.
        ValueError: If the file is damaged.
    """
    file = Path(path) / _FILE
    plan = read_json_object(file, what="the runs of an experiment")
    listed = validated(dict[str, list[dict[str, Any]]], plan, source=file).get("runs")
    if not listed:
        raise ValueError(f"{printable(str(file))}: expected a list of runs")
    return [resolve_settings(values, source=str(file)) for values in listed]


def _require_free(root: Path, runs: Sequence[TrainSettings], *, overwrite: bool) -> None:
    """Refuse runs that share a folder, or whose folders are taken."""
    folders = [RunFolder.of(root, settings) for settings in runs]
    if len({folder.path for folder in folders}) != len(runs):
        raise ValueError("two of the runs are the same: name every model and every seed once")
    if launched_rank() == 0:
        for folder in folders:
            folder.require_free(overwrite=overwrite)
        if not overwrite:
            _require_finished(root, folders)


def _require_finished(root: Path, folders: Sequence[RunFolder]) -> None:
    """Refuse to replace the plan of other runs that are yet to be finished."""
    if not (root / _FILE).is_file():
        return
    own = {folder.path for folder in folders}
    planned = [RunFolder.of(root, settings) for settings in read_experiment(root)]
    others = [folder for folder in planned if folder.path not in own]
    open_runs = [folder.path for folder in others if folder.read_result() is None]
    if open_runs:
        raise FileExistsError(
            f"{root / _FILE}: {len(open_runs)} of {len(planned)} runs there are not complete "
            f"({open_runs[0]}{', ...' if len(open_runs) > 1 else ''}); finish them with --resume "
            f"{root}, choose another --out, or give them up with --overwrite"
        )


def _check_networks(runs: Sequence[TrainSettings], load: Load) -> None:
    """Refuse what cannot be built before anything is written."""
    for settings in {settings.label: settings for settings in runs}.values():
        connect(settings.compute.device)
        data = load(settings)
        if isinstance(data, TextDataSet | TableDataSet):
            continue  # how many features there are is known once they are made
        sizes = sizes_for(settings, data)
        with torch.random.fork_rng([]):
            build_network(settings.network, sizes)


def _finish(
    root: Path,
    runs: Sequence[TrainSettings],
    train: Callable[[TrainSettings], RunResult],
    load: Load,
    time_limit: TimeLimit | None,
) -> Experiment:
    results: list[RunResult] = []
    try:
        for settings in runs:
            if time_limit is not None and results:
                _require_time(time_limit, settings, f"{len(results)} of {len(runs)} runs")
            results.append(train(settings))
    except TrainingInterrupted as stop:
        raise type(stop)(f"{stop} (all runs: qimlp train --resume {root})") from stop
    comparison = compare(results)
    table, figure = root / "comparison.md", root / "comparison.png"
    if launched_rank() == 0:
        from qimlp.training.comparison.plots import plot_comparison  # noqa: PLC0415 - matplotlib is slow

        write_comparison(comparison, root)
        plot_comparison(results, figure)
        for settings in runs:
            if settings.features.order == "grid":
                _draw_grid(settings, RunFolder.of(root, settings), load)
    return Experiment(results, comparison, table, figure)


def _require_time(limit: TimeLimit, following: TrainSettings, done: str) -> None:
    """Stop before a run that there is no time to begin."""
    if connect(following.compute.device).any(limit.is_over()):
        raise TimeLimitReached(f"time limit of {limit}: stopped after {done}")


def _draw_grid(settings: TrainSettings, folder: RunFolder, load: Load) -> None:
    """Show what the train part looks like on the grid that a run has learned."""
    from qimlp.training.comparison.grid import plot_grid  # noqa: PLC0415 - matplotlib is slow

    order = folder.read_preparation().features.order
    data = TrainingData(settings, load(settings), order=order)
    inputs, targets = data.train_features()
    shape = grid_shape(sizes_for(settings, data)[0])
    plot_grid(inputs, targets, data.task, shape, folder.path / "grid.png")
