"""Train one network on one data set with one seed, into one run folder."""

import os
from contextlib import nullcontext

from qimlp.distributed import Failures, connect
from qimlp.predictor import Loaded
from qimlp.settings import TrainSettings
from qimlp.training.opening.source import located
from qimlp.training.recording.state_file import find_state
from qimlp.training.runs.events import OnEvent
from qimlp.training.runs.folder import RunFolder
from qimlp.training.runs.lock import hold
from qimlp.training.runs.result import RunResult
from qimlp.training.runs.run import Run
from qimlp.training.stopping.time_limit import TimeLimit

PathLike = str | os.PathLike[str]


def fit(
    settings: TrainSettings,
    *,
    out: PathLike = "runs",
    overwrite: bool = False,
    on_event: OnEvent | None = None,
    loaded: Loaded | None = None,
    time_limit: TimeLimit | None = None,
) -> RunResult:
    """Train one network from its start.

    Args:
        settings: What to train, on what, how. Local paths in it are stored as absolute ones.
        out: The run folder is made under this folder, see `RunFolder.of`.
        overwrite: Replace an earlier run there.
        on_event: Called with every event, in the main process.
        loaded: The data, where the caller has read it already.
        time_limit: Ends the run before its end, to be resumed.

    Returns:
        The result; the run folder holds everything else.

    Raises:
        FileExistsError: If the run folder exists.
        RunInUseError: If another process trains the run that would be replaced.
        FileNotFoundError: If the data is not there.
        ValueError: If settings and data do not fit, or the data is not usable.
        NonFiniteLossError: If training diverges; the run folder keeps the epochs before.
        TrainingInterrupted: On Ctrl-C; the state is on disk.
        TimeLimitReached: At the time limit, likewise.
        ProcessLostError: If another process of the training has failed or does not answer.
        OSError: If something cannot be written; what was complete stays valid.
    """
    run = open_run(
        settings,
        out=out,
        overwrite=overwrite,
        on_event=on_event,
        loaded=loaded,
        time_limit=time_limit,
    )
    return run.start(overwrite=overwrite)


def open_run(
    settings: TrainSettings,
    *,
    out: PathLike,
    overwrite: bool,
    on_event: OnEvent | None,
    loaded: Loaded | None,
    time_limit: TimeLimit | None,
) -> Run:
    """Prepare what `fit` trains, up to where something is written.

    Args:
        settings: As `fit` takes them, and so is the rest.
        out: Folder for the run folder.
        overwrite: Whether an earlier run there may be replaced.
        on_event: Called with every event, in the main process.
        loaded: The data, where the caller has read it already.
        time_limit: Ends the run before its end.

    Returns:
        The run, to be started.

    Raises:
        FileExistsError: If the run folder exists.
        RunInUseError: If another process trains the run that would be replaced.
        FileNotFoundError: If the data is not there.
        ValueError: If settings and data do not fit, or the data is not usable.
    """
    settings = located(settings)
    folder = RunFolder.of(out, settings)
    with Failures():
        processes = connect(settings.compute.device, settings.compute.process_timeout)
        if processes.is_main:
            folder.require_free(overwrite=overwrite)
        return Run(settings, folder, processes, on_event, loaded, time_limit=time_limit)


def resume(
    path: PathLike,
    *,
    on_event: OnEvent | None = None,
    loaded: Loaded | None = None,
    time_limit: TimeLimit | None = None,
) -> RunResult:
    """Continue an interrupted run; on the CPU, bit by bit as if it had never stopped.

    Args:
        path: The run folder. A complete run is returned as it is.
        on_event: Called with every event, in the main process.
        loaded: The data, where the caller has read it already.
        time_limit: Ends the run before its end; no matter what it had before.

    Returns:
        The result.

    Raises:
        FileNotFoundError: If there is no such run, or its data is gone.
        RunInUseError: If another process trains it.
        ValueError: If the state is damaged or the data has changed.
        NonFiniteLossError: If training diverges.
        TrainingInterrupted: On Ctrl-C.
        TimeLimitReached: At the time limit.
        ProcessLostError: If another process of the training has failed or does not answer.
        OSError: If something cannot be written.
    """
    folder = RunFolder(path)
    settings = folder.read_settings()
    result = folder.read_result()
    if result is not None:
        return result
    with Failures():
        processes = connect(settings.compute.device, settings.compute.process_timeout)
        with hold(folder.lock_file) if processes.is_main else nullcontext():
            prepared = folder.read_preparation()
            order = prepared.features.order
            run = Run(
                settings, folder, processes, on_event, loaded, order=order, time_limit=time_limit
            )
            run.data.require_prepared(prepared, origin=str(folder.preprocess_file))
            return run.go_on(find_state(folder.state_file))
