"""A sweep: trials of a study on one storage, by one process or several, on one machine or more."""

import os
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial
from pathlib import Path

import optuna

from qimlp.distributed import connect
from qimlp.files import shown
from qimlp.predictor import Loaded
from qimlp.settings import TrainSettings
from qimlp.sweeps.events import OnSweepEvent, SweepEvent, SweepStarted
from qimlp.sweeps.figures import draw_figures
from qimlp.sweeps.folder import SweepFolder, SweepResult
from qimlp.sweeps.plan import SweepPlan, require_objectives, require_same, usual_params
from qimlp.sweeps.sampler import require_sampler
from qimlp.sweeps.search_texts import parse_search
from qimlp.sweeps.side_by_side import run_side_by_side, usable_cores
from qimlp.sweeps.storage import open_storage, open_study, place_of
from qimlp.sweeps.usual import usual_space
from qimlp.sweeps.worker import Work, results_of, run_trials
from qimlp.training import (
    TimeLimit,
    TimeLimitReached,
    TrainingData,
    TrainingInterrupted,
    keep_freed_memory,
    load_data,
    located,
)

PathLike = str | os.PathLike[str]

MOST_TRIALS, MOST_WORKERS = 100_000, 256


def sweep(
    settings: TrainSettings,
    *,
    search: Iterable[str] = (),
    fixed: Collection[str] = (),
    trials: int = 20,
    objectives: Sequence[str] = ("metric", "parameters"),
    sampler: str = "tpe",
    prune: bool = True,
    workers: int = 1,
    out: PathLike | None = None,
    storage: str | None = None,
    name: str | None = None,
    loaded: Loaded | None = None,
    on_event: OnSweepEvent | None = None,
    time_limit: TimeLimit | None = None,
) -> SweepResult:
    """Search over settings, by the dev part alone; what is complete already is not run again.

    Trial 0 has the settings as they are, where these are among what is searched. The same call
    with the same settings goes on with a sweep that was interrupted, or adds trials to it; on
    other machines it helps with the same sweep, where `storage` is one that they share.

    Args:
        settings: What every trial has, but for what is searched; `seed` is also the sweep's.
        search: What is searched: names of settings (`"lr"`), with values (`"rank=1,2,4"`) or a
            range (`"lr=1e-4..1e-1"`). By default what matters for the kind of network.
        fixed: Settings that are not searched by default.
        trials: How many there are to be in all.
        objectives: `"metric"`, the task's main one on the dev part, or it and `"parameters"`.
        sampler: `"tpe"`, which goes by the finished trials, or `"random"`.
        prune: Whether trials that are worse than the median of the finished ones are given up.
        workers: Processes that train at a time; with 1 it is this one.
        out: The sweep's folder; `runs/sweep-DATA` by default.
        storage: A file or an address, see `qimlp.sweeps.storage.open_storage`; by default an
            SQLite file in the folder.
        name: Of the study in the storage; the name of the data by default.
        loaded: The data, where the caller has read it already.
        on_event: Called with every event, in this process.
        time_limit: Ends this call before its end; a trial under way then begins anew.

    Returns:
        The finished trials, which lie in the folder too.

    Raises:
        ValueError: If something cannot be searched or is not allowed, settings and data do not
            fit, the study is another one, or no trial is complete at the end.
        FileExistsError: If the folder is something else.
        FileNotFoundError: If the data is not there.
        TrainingInterrupted: On Ctrl-C; finished trials are kept.
        TimeLimitReached: At the time limit, likewise.
        OSError: If the storage cannot be reached, or something cannot be written.

    Example:
        `sweep(resolve_settings({"data": "digits"}), search=["lr", "rank=1,2,4"], trials=12)`
    """
    _require_counts(trials, workers)
    folder = SweepFolder(_out(settings) if out is None else out)
    folder.require_usable()
    name = settings.data_name if name is None else name
    place = _place(storage, folder)
    folder.require_sweep(name=name, storage=place)
    loaded, plan, notes = _planned(settings, search, fixed, objectives, sampler, prune, loaded)
    if storage is None:
        folder.path.mkdir(parents=True, exist_ok=True)
    where = str(folder.storage_file) if storage is None else storage
    opened = open_storage(where)
    study = open_study(opened, name, directions=plan.directions, about=plan.about())
    require_same(study.user_attrs["qimlp"], plan, name)
    folder.path.mkdir(parents=True, exist_ok=True)
    folder.write_plan(plan, name=name, storage=place)
    work = Work(plan, where, name, trials, _threads(settings, workers), time_limit)
    tell = on_event if on_event is not None else _ignore
    before = len(results_of(study, trials))
    tell(_started(work, folder, opened.shown, before, workers, notes))
    result = _finish(work, workers, loaded, tell, folder, study)
    result.best()
    draw_figures(study, result)
    return result


def _finish(
    work: Work,
    workers: int,
    loaded: Loaded,
    tell: Callable[[SweepEvent], None],
    folder: SweepFolder,
    study: optuna.Study,
) -> SweepResult:
    """Run the trials; what came of them is on disk, however this ends."""
    stopped: KeyboardInterrupt | None = None
    try:
        _run(work, workers, loaded, tell)
    except KeyboardInterrupt as interrupt:
        stopped = interrupt
    result = _written(folder, work.plan, study)
    done = f"{len(result.trials)} of {work.trials} trials are finished; the same command goes on"
    if stopped is not None:
        raise TrainingInterrupted(f"interrupted: {done}") from stopped
    if work.time_limit is not None and len(results_of(study, work.trials)) < work.trials:
        raise TimeLimitReached(f"time limit of {work.time_limit}: {done}")
    return result


def _started(
    work: Work, folder: SweepFolder, storage: str, before: int, workers: int, notes: tuple[str, ...]
) -> SweepStarted:
    return SweepStarted(
        folder=folder.path,
        storage=storage,
        space=work.plan.space,
        finished=before,
        trials=work.trials,
        workers=workers,
        threads=work.threads,
        notes=notes,
    )


def _planned(
    settings: TrainSettings,
    search: Iterable[str],
    fixed: Collection[str],
    objectives: Sequence[str],
    sampler: str,
    prune: bool,
    loaded: Loaded | None,
) -> tuple[Loaded, SweepPlan, tuple[str, ...]]:
    """The data, what decides the trials, and what is to be known of the data."""
    objectives = require_objectives(objectives)
    require_sampler(sampler)
    settings = _usable(located(settings))
    loaded = load_data(settings) if loaded is None else loaded
    data = TrainingData(settings, loaded)
    space = parse_search(search, settings, data) or usual_space(settings, data, fixed)
    main = data.task.main_metric
    plan = SweepPlan(
        settings=settings,
        space=space,
        objectives=objectives,
        sampler=sampler,
        prune=prune,
        usual=usual_params(settings, space, data),
        metric=main.name,
        higher_is_better=main.higher_is_better,
        fingerprint=data.fingerprint,
    )
    return loaded, plan, data.notes


def _out(settings: TrainSettings) -> Path:
    return Path("runs") / f"sweep-{settings.data_name}"


def _run(work: Work, workers: int, loaded: Loaded, tell: Callable[[SweepEvent], None]) -> None:
    if workers == 1:
        run_trials(work, tell, loaded=loaded)
        return
    run_side_by_side(
        range(workers),
        partial(_work_there, work),
        jobs=workers,
        name_of=lambda worker: f"worker {worker}",
        on_event=tell,
        on_done=lambda worker, _: None,  # noqa: ARG005
        on_start=keep_freed_memory,
    )


def _work_there(work: Work, _: int, tell: Callable[[SweepEvent], None]) -> None:
    run_trials(work, tell)


def _written(folder: SweepFolder, plan: SweepPlan, study: optuna.Study) -> SweepResult:
    """What came of the sweep so far, on disk."""
    result = SweepResult(
        folder=folder.path,
        settings=plan.settings,
        searched=tuple(plan.space),
        objectives=plan.objectives,
        metric=plan.metric,
        higher_is_better=plan.higher_is_better,
        trials=tuple(results_of(study)),
    )
    folder.write_results(result)
    return result


def _place(storage: str | None, folder: SweepFolder) -> str:
    """Where the trials are, as it is written down: no password, and no folder that may move."""
    if storage is None:
        return folder.storage_file.name
    place = place_of(storage)
    return place.shown if place.path is None else str(place.path.absolute())


def _usable(settings: TrainSettings) -> TrainSettings:
    """Refuse what a sweep does not do."""
    compute = settings.compute
    kept = {
        "watch_test": compute.watch_test,
        "checkpoints": compute.checkpoints,
        "keep_last": compute.keep_last is not None,
        "track": compute.track != "none",
    }
    for given in (name for name, value in kept.items() if value):
        raise ValueError(
            f"{given}: a sweep reads no test part, keeps no networks and tells no tracker; leave "
            "it out, and give it to qimlp train --from-sweep"
        )
    if connect(settings.compute.device).size > 1:
        raise ValueError(
            "a sweep starts its processes itself: expected one process, without a launcher; use "
            "workers, or the same command on several machines"
        )
    return settings


def _require_counts(trials: int, workers: int) -> None:
    for given, value, most in (("trials", trials, MOST_TRIALS), ("workers", workers, MOST_WORKERS)):
        if not 1 <= value <= most:
            raise ValueError(f"{given}: expected 1 to {most:,}, got {shown(value)}")


def _threads(settings: TrainSettings, workers: int) -> int | None:
    """CPU threads of each worker: those that are set, or an equal part of the cores."""
    if settings.compute.threads is not None or workers == 1:
        return settings.compute.threads
    return max(usable_cores() // workers, 1)


def _ignore(event: SweepEvent) -> None:
    """Nobody listens."""
