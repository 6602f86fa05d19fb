"""`qimlp train`: networks and seeds on one data set, then their comparison."""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from qimlp._startup import STARTED
from qimlp.cli.options import COMMON, RUNS, option_in, setting_help, spelled, with_settings
from qimlp.cli.output.console import Notes, make_table, open_console
from qimlp.cli.output.encoding import show_encoding
from qimlp.cli.output.progress import open_reporter
from qimlp.cli.runs.from_sweep import runs_of_sweep
from qimlp.cli.runs.plan import for_regression, for_tables, plan_runs
from qimlp.distributed import launched_rank
from qimlp.predictor import Loaded
from qimlp.settings import FIELDS, TrainSettings, read_settings_file
from qimlp.training import (
    Comparison,
    Experiment,
    RunFolder,
    TimeLimit,
    cells,
    columns,
    compare,
    keep_freed_memory,
    read_experiment,
    resume,
    resume_experiment,
    run_experiment,
)

_MODELS = "May be given several times. (default: table for a table, else 2b)"


@with_settings
def train_command(
    data: Annotated[
        str | None, typer.Argument(help=setting_help("data", required=True), show_default=False)
    ] = None,
    *,
    given: dict[str, Any],
    model: Annotated[
        list[str] | None,
        option_in(
            COMMON,
            setting_help("model", _MODELS, required=True),
            metavar="<name>",
        ),
    ] = None,
    seeds: Annotated[
        str | None, option_in(COMMON, "Seeds, such as 0,1,2: one run for each.", metavar="<list>")
    ] = None,
    out: Annotated[
        Path | None,
        option_in(COMMON, "Folder for the run folders; by default runs/.", metavar="<folder>"),
    ] = None,
    config: Annotated[
        Path | None,
        option_in(RUNS, "Settings file, .toml or .json; options win over it.", metavar="<file>"),
    ] = None,
    overwrite: Annotated[
        bool,
        option_in(
            RUNS, "Replace earlier runs; give up unfinished ones.", "--overwrite", metavar=""
        ),
    ] = False,
    resume_from: Annotated[
        Path | None,
        option_in(
            RUNS,
            "Continue a run folder, or all runs of an --out folder.",
            "--resume",
            metavar="<folder>",
        ),
    ] = None,
    from_sweep: Annotated[
        Path | None,
        option_in(
            RUNS,
            "Train what a sweep found: the folder of qimlp sweep. Only now is the test part read.",
            metavar="<folder>",
        ),
    ] = None,
    trial: Annotated[
        int | None,
        option_in(
            RUNS, "Which trial of --from-sweep; by default the best on dev.", metavar="<int>"
        ),
    ] = None,
    time_limit: Annotated[
        str | None,
        option_in(
            RUNS,
            "Stop before it is over, such as 2h30m, 90m or 45s, to be resumed: exit code 75.",
            metavar="<time>",
        ),
    ] = None,
) -> None:
    """Train networks on one data set and compare them."""
    keep_freed_memory()
    limit = None if time_limit is None else TimeLimit.parse(time_limit, since=STARTED)
    if data is not None:
        given = {**given, "data": data}
    if resume_from is not None:
        others: dict[str, Any] = {"--model": model, "--seeds": seeds, "--config": config}
        others |= {"--out": out, "--overwrite": overwrite, "--from-sweep": from_sweep}
        _resume(resume_from, given, others, limit)
        return
    places: dict[str, Any] = {"out": out or Path("runs"), "overwrite": overwrite}
    if from_sweep is not None:
        refused = [name for name, value in (("--model", model), ("--config", config)) if value]
        runs = runs_of_sweep(from_sweep, trial, given, seeds, refused)
        _train(lambda **_: runs, FIELDS, time_limit=limit, **places)
        return
    if trial is not None:
        raise ValueError("--trial: expected --from-sweep, the folder of a sweep, as well")
    file = {} if config is None else read_settings_file(config)
    source = "settings" if config is None else str(config)

    def plan(**more: Any) -> list[TrainSettings]:
        return plan_runs({**given, **more}, model, seeds, file, source)

    _train(plan, {*given, *file}, time_limit=limit, **places)


def _train(plan: Callable[..., list[TrainSettings]], known: Collection[str], **more: Any) -> None:
    """Train the runs that `plan` gives, as the data needs them; show how they compare.

    Args:
        plan: Gives the runs, with some settings that the data asks for.
        known: Names of the settings that the user has given.
        more: What else `run_experiment` takes.
    """
    runs, console = plan(), open_console()

    def revise(
        runs: Sequence[TrainSettings], load: Callable[[TrainSettings], Loaded]
    ) -> Sequence[TrainSettings]:
        runs, notes = for_regression(runs, load(runs[0]), plan, known)
        runs, further = for_tables(runs, load, known, console)
        if launched_rank() == 0:
            Notes(console).say([*notes, *further])
        return runs

    with open_reporter(console, len(runs)) as reporter, show_encoding(console):
        experiment = run_experiment(runs, on_event=reporter, revise=revise, **more)
    _show_experiment(console, experiment)


def _resume(
    path: Path,
    given: dict[str, Any],
    others: dict[str, Any],
    limit: TimeLimit | None,
) -> None:
    names = [spelled(name) for name in given if name != "data"]
    names += ["DATA"] if "data" in given else []
    names += [name for name, value in others.items() if value not in (None, False)]
    if names:
        raise ValueError(f"--resume takes the settings of the run: leave out {', '.join(names)}")
    console = open_console()
    if RunFolder(path).is_run_rather_than_experiment():
        with open_reporter(console, 1) as reporter, show_encoding(console):
            result = resume(path, on_event=reporter, time_limit=limit)
        _show(console, compare([result]))
        return
    runs = len(read_experiment(path))
    with open_reporter(console, runs) as reporter, show_encoding(console):
        experiment = resume_experiment(path, on_event=reporter, time_limit=limit)
    _show_experiment(console, experiment)


def _show_experiment(console: Console, experiment: Experiment) -> None:
    _show(console, experiment.comparison)
    if launched_rank() == 0:
        console.print(f"Report: {experiment.table}", markup=False, soft_wrap=True)
        console.print(f"Figure: {experiment.figure}", markup=False, soft_wrap=True)


def _show(console: Console, comparison: Comparison) -> None:
    if launched_rank() != 0:
        return
    table = make_table(comparison.data, columns(comparison))
    for row in comparison.rows:
        table.add_row(*cells(comparison, row))
    console.print(table)
    console.print(f"Compression: against {comparison.reference}.")
    for remark in comparison.remarks:
        console.print(remark, markup=False)
