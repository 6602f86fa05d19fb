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
from qimlp.cli.table_runs import show_columns, sized, usual_model
from qimlp.data import DataSet, TableDataSet
from qimlp.distributed import launched_rank
from qimlp.files import shown
from qimlp.predictor import Loaded
from qimlp.settings import (
    TrainSettings,
    epochs_by_rows,
    parse_dims,
    read_settings_file,
    resolve_settings,
)
from qimlp.training import (
    Comparison,
    Experiment,
    RunFolder,
    TimeLimit,
    cells,
    columns,
    compare,
    keep_freed_memory,
    located,
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
        others = {"--model": model, "--seeds": seeds, "--config": config}
        _resume(resume_from, given, {**others, "--out": out, "--overwrite": overwrite}, limit)
        return
    file = {} if config is None else read_settings_file(config)
    source = "settings" if config is None else str(config)

    def plan(**more: Any) -> list[TrainSettings]:
        return _plan_runs({**given, **more}, model, seeds, file, source)

    places: dict[str, Any] = {"out": out or Path("runs"), "overwrite": overwrite}
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
        runs, notes = _for_regression(runs, load(runs[0]), plan, known)
        runs, further = _for_tables(runs, load, known, console)
        if launched_rank() == 0:
            Notes(console).say([*notes, *further])
        return runs

    with open_reporter(console, len(runs)) as reporter, show_encoding(console):
        experiment = run_experiment(runs, on_event=reporter, revise=revise, **more)
    _show_experiment(console, experiment)


def _for_tables(
    runs: Sequence[TrainSettings],
    load: Callable[[TrainSettings], Loaded],
    given: Collection[str],
    console: Console,
) -> tuple[list[TrainSettings], list[str]]:
    """The runs with what model table takes from the data, and what to say; shows the columns."""
    notes: list[str] = []
    revised: list[TrainSettings] = []
    shown_before = False
    for settings in runs:
        data = load(settings)
        if not isinstance(data, TableDataSet):
            revised.append(settings)
            continue
        if not shown_before and launched_rank() == 0:
            show_columns(console, data)
        shown_before = True
        settings_by_rows, note = sized(settings, data, given)
        revised.append(settings_by_rows)
        notes += [note] if note else []
    return revised, notes


def _for_regression(
    runs: Sequence[TrainSettings],
    data: Loaded,
    plan: Callable[..., list[TrainSettings]],
    given: Collection[str],
) -> tuple[Sequence[TrainSettings], list[str]]:
    """The runs by the recipe of regression where the data is one, and what to say of it."""
    notes: list[str] = []
    if data.task.kind != "regression":
        return runs, notes
    if runs[0].dataset.task == "auto":
        runs = [located(settings) for settings in plan(task="regression")]
        notes.append(
            "the labels measure something, so this is a regression; to make each value a class "
            "say --task classification"
        )
    if "epochs" not in given and isinstance(data, DataSet | TableDataSet):
        usual, runs = runs, [_with_epochs(settings, len(data.train)) for settings in runs]
        rows = max(round(len(data.train) * (1 - runs[0].dataset.dev_fraction)), 1)
        notes += [
            f"{run.label}: {run.optimisation.epochs} epochs, for {rows:,} training rows; --epochs "
            "says otherwise"
            for run, before in zip(runs, usual, strict=True)
            if run != before
        ]
    return runs, notes


def _with_epochs(settings: TrainSettings, rows: int) -> TrainSettings:
    """The settings with the recipe's epochs for a table of this size, where it has such."""
    if settings.network.kind == "table":  # whose recipe is of steps
        return settings
    train_rows = max(round(rows * (1 - settings.dataset.dev_fraction)), 1)
    epochs = epochs_by_rows(
        settings.recipe,
        task="regression",
        train_rows=train_rows,
        batch_size=settings.optimisation.batch_size,
    )
    return settings if epochs is None else settings.replace(epochs=epochs)


def _plan_runs(
    given: dict[str, Any],
    models: list[str] | None,
    seeds: str | None,
    file: dict[str, Any],
    source: str,
) -> list[TrainSettings]:
    """One run for every model and seed, in this order."""
    if "data" not in given and "data" not in file:
        raise ValueError("expected the DATA to train on, such as digits; see qimlp train --help")
    if "text" not in given | file and given.keys() & {"encoder", "finetune"}:
        given = {**given, "text": "encoder"}
    chosen: list[dict[str, Any]] = [{"model": name} for name in models or []]
    if not chosen and "model" not in file:
        chosen = [_model_of_dims(given) or usual_model({**file, **given})]
    chosen = chosen or [{}]
    numbers = [{"seed": seed} for seed in _parse_seeds(seeds)] if seeds is not None else [{}]
    return [
        resolve_settings({**given, **name, **seed}, file=file, source=source)
        for name in chosen
        for seed in numbers
    ]


def _model_of_dims(given: dict[str, Any]) -> dict[str, Any]:
    """The number of bodies that dims have, where only dims were given."""
    if "dims" not in given:
        return {}
    return {"model": f"{len(parse_dims(given['dims'])[0])}b"}


def _parse_seeds(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(
            f"--seeds {shown(text, 80)}: expected whole numbers joined by commas"
        ) from None


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
