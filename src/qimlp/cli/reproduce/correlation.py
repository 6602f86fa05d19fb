"""The analysis part of `qimlp reproduce --correlation`."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from qimlp.paper import Cell, FigureRuns, KeptRuns, StudyOptions


def analyse_figure_runs(
    console: Console,
    wanted: Sequence[FigureRuns],
    kept: KeptRuns,
    out: Path,
    options: StudyOptions,
) -> None:
    """Analyse trained runs into a report's folder; say how far it is.

    Args:
        console: Where to.
        wanted: What to analyse, data set by data set.
        kept: Where the runs are.
        out: Folder of the report.
        options: How to analyse.

    Raises:
        FileNotFoundError: If data is gone.
        ValueError: If data has changed, or a cell has no run.
        OSError: If something cannot be written.
    """
    from qimlp.paper import (  # noqa: PLC0415 - matplotlib is slow
        study_figure_runs,
    )

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=32),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    ) as bars:
        total = sum(len(runs.shown) + len(runs.others) for runs in wanted)
        task = bars.add_task("runs analysed", total=total)

        def on_study(cell: Cell) -> None:
            bars.advance(task)
            console.print(f"analysed {cell.name}", markup=False, soft_wrap=True)

        for runs in wanted:
            for figure in study_figure_runs(runs, kept, out, options, on_study):
                console.print(f"Figure ({runs.data}): {figure}", markup=False, soft_wrap=True)
