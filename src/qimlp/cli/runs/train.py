"""What `qimlp train` does: runs by options, of a sweep, or resumed, and what it shows of them."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from qimlp._startup import STARTED
from qimlp.cli.options import spelled
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


@dataclass(frozen=True)
class Wishes:
    """What the command line says; each field is the option of that name, None where not given.

    Attributes:
        given: Settings by their names.
        models: Values of `--model`.
        resume_from: Value of `--resume`.
    """

    given: dict[str, Any]
    models: list[str] | None
    seeds: str | None
    out: Path | None
    config: Path | None
    overwrite: bool
    resume_from: Path | None
    from_sweep: Path | None
    trial: int | None
    time_limit: str | None


def train(wishes: Wishes) -> None:
    """Train what is wished for, and show how the runs compare.

    Args:
        wishes: Of the command line.

    Raises:
        ValueError: Options that do not go together, or bad settings or data.
        OSError: A file cannot be read or written.
    """
    keep_freed_memory()
    given, seeds = wishes.given, wishes.seeds
    asked = wishes.time_limit
    limit = None if asked is None else TimeLimit.parse(asked, since=STARTED)
    if wishes.resume_from is not None:
        _resume(wishes.resume_from, wishes, limit)
        return
    places: dict[str, Any] = {"out": wishes.out or Path("runs"), "overwrite": wishes.overwrite}
    places["time_limit"] = limit
    if wishes.from_sweep is not None:
        options = (("--model", wishes.models), ("--config", wishes.config))
        refused = [name for name, value in options if value]
        runs = runs_of_sweep(wishes.from_sweep, wishes.trial, given, seeds, refused)
        _train(lambda **_: runs, FIELDS, **places)
        return
    if wishes.trial is not None:
        raise ValueError("--trial: expected --from-sweep, the folder of a sweep, as well")
    file = {} if wishes.config is None else read_settings_file(wishes.config)
    source = "settings" if wishes.config is None else str(wishes.config)

    def plan(**more: Any) -> list[TrainSettings]:
        return plan_runs({**given, **more}, wishes.models, seeds, file, source)

    _train(plan, {*given, *file}, **places)


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


def _resume(path: Path, wishes: Wishes, limit: TimeLimit | None) -> None:
    others: dict[str, Any] = {
        "--model": wishes.models,
        "--seeds": wishes.seeds,
        "--config": wishes.config,
    }
    others |= {"--out": wishes.out, "--overwrite": wishes.overwrite}
    others |= {"--from-sweep": wishes.from_sweep}
    names = [spelled(name) for name in wishes.given if name != "data"]
    names += ["DATA"] if "data" in wishes.given else []
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
