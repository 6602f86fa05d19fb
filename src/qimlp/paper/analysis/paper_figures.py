"""Figs. 6 and 7: strong correlation in the paper's two-body networks, and what goes with it.

::

    correlation/<data>.jsonl                each run, and the runs beside each other, other ranks
                                            included; see `Findings`
    figures/<data>/correlation.svg          Fig. 6 or 7, of the first seed
    figures/<data>/truncation.svg           accuracy under cuts, of the first seed
    figures/<data>/correlation-epochs.svg   C over training, of the first seed
    figures/<data>/relation.svg             accuracy against C, all runs
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from matplotlib.figure import Figure

from qimlp.correlation.figures import (
    draw_epochs,
    draw_histograms,
    draw_relation,
    draw_truncation,
    to_svg,
)
from qimlp.files import write_text
from qimlp.paper.analysis.figure_runs import FigureRuns, KeptRuns
from qimlp.paper.analysis.files import named_epochs
from qimlp.paper.analysis.findings import Findings
from qimlp.paper.analysis.options import StudyOptions
from qimlp.paper.analysis.run_comparison import SeveralRuns, compare_runs
from qimlp.paper.analysis.runs import RunData
from qimlp.paper.analysis.study import RunStudy, study_run
from qimlp.paper.cells.cell import Cell
from qimlp.paper.cells.published import TITLES


def study_figure_runs(
    runs: FigureRuns,
    kept: KeptRuns,
    folder: Path,
    options: StudyOptions,
    on_study: Callable[[Cell], None],
) -> list[Path]:
    """Analyse the kept runs of one data set and write files and figures into a report's folder.

    Args:
        runs: The cells of one data set, all of them trained.
        kept: Where their runs are.
        folder: Of the report.
        options: How to analyse.
        on_study: Called when a cell has been analysed.

    Returns:
        The figures for the report.

    Raises:
        FileNotFoundError: If the data is gone.
        ValueError: If the data has changed, or a cell has no run.
        OSError: If something cannot be written.
    """
    data = RunData()
    options = replace(options, control=kept.path(runs.control))
    brief = replace(options, control=None, baselines=False, truncation_samples=0)
    findings = Findings(folder / "correlation")
    studies = []
    for cell in runs.shown:
        study = study_run(kept.path(cell), options, data)
        findings.write_run(_placed(study, folder))
        studies.append(study)
        on_study(cell)
    for cell in runs.others:
        studies.append(study_run(kept.path(cell), brief, data))
        on_study(cell)
    together = compare_runs(studies)
    if together is not None:
        findings.write_comparison(together)
    return _figures(studies[0], together, runs.data, folder / "figures" / runs.data)


def _placed(study: RunStudy, folder: Path) -> RunStudy:
    """Runs by their place in the folder: what is written says nothing of the machine."""
    control = None if study.control is None else _below(study.control, folder)
    return replace(study, run=_below(study.run, folder), control=control)


def _below(path: Path, folder: Path) -> Path:
    return path.relative_to(folder) if path.is_relative_to(folder) else path


def _figures(study: RunStudy, together: SeveralRuns | None, data: str, folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    name = TITLES.get(data, data)
    title = f"{name}, two bodies, seed {study.seed}"
    drawn: dict[str, Figure] = {"correlation": draw_histograms(study.report, title=title)}
    if study.truncation:
        drawn["truncation"] = draw_truncation(study.truncation, title=title)
    if study.epochs is not None:
        drawn["correlation-epochs"] = draw_epochs(
            *named_epochs(study, study.epochs), study.report.unit, title=title
        )
    if together is not None:
        drawn["relation"] = draw_relation(together.points, together.unit, title=name)
    for what, figure in drawn.items():
        write_text(folder / f"{what}.svg", to_svg(figure))
    return [folder / f"{what}.svg" for what in drawn]
