"""Figs. 6 and 7: strong correlation in the paper's two-body networks, trained and kept for it.

::

    runs/correlation/<data>-<network>/seed-<n>   the runs, with the network of every epoch
    correlation/<data>/seed-<n>/                 everything about one run, see `write_study`
    correlation/<data>/relation.json             the runs beside each other
    figures/<data>-correlation.svg               Fig. 6 or 7, of the first seed
    figures/<data>-truncation.svg                accuracy under cuts, of the first seed
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from qimlp.correlation.figures import draw_histograms, draw_truncation
from qimlp.experiments.analysis.files import write_comparison, write_study
from qimlp.experiments.analysis.options import StudyOptions
from qimlp.experiments.analysis.runs import RunData
from qimlp.experiments.analysis.several import compare_runs
from qimlp.experiments.analysis.study import RunStudy, study_run
from qimlp.experiments.cell import Cell, Variant, numeric_settings
from qimlp.experiments.drawing import to_svg
from qimlp.files import write_text
from qimlp.training.events import OnEvent
from qimlp.training.result import RunResult
from qimlp.training.run_folder import RunFolder
from qimlp.training.settings import TrainSettings
from qimlp.training.trainer import fit, resume

DATA = ("mnist", "cifar10")
SEEDS = 3


def correlation_cells(chosen: Iterable[Variant], seeds: int | None) -> list[Cell]:
    """The cells of Figs. 6 and 7: two bodies, our recipe.

    Args:
        chosen: Variants to choose from.
        seeds: Runs of each; None for `SEEDS`.

    Returns:
        The cells, data set by data set.

    Raises:
        ValueError: If none is among them.
    """
    names = [f"{data}/2b/tuned" for data in DATA]
    found = {variant.name: variant for variant in chosen}
    cells = [Cell(found[n], s) for n in names if n in found for s in range(seeds or SEEDS)]
    if not cells:
        raise ValueError(f"--correlation: expected {' or '.join(names)} among the chosen cells")
    return cells


def train_kept(settings: TrainSettings, out: Path, on_event: OnEvent | None = None) -> RunResult:
    """Train one network, or go on, or take the run that is there.

    Args:
        settings: Of the run. One of other settings that decide numbers is replaced.
        out: As in `fit`.
        on_event: Called with every event.

    Returns:
        The result.

    Raises:
        FileNotFoundError: If the data is not there.
        ValueError: If the run that is there is damaged.
        TrainingInterrupted: On Ctrl-C.
        OSError: If something cannot be written.
    """
    folder = RunFolder.of(out, settings)
    if folder.settings_file.is_file() and (
        numeric_settings(folder.read_settings()) == numeric_settings(settings)
    ):
        return resume(folder.path, on_event=on_event)
    return fit(settings, out=out, overwrite=True, on_event=on_event)


def study_kept(runs: Sequence[Path], folder: Path, options: StudyOptions) -> list[Path]:
    """Analyse the kept runs of one data set and write files and figures into a report's folder.

    Args:
        runs: Run folders, of one network, one per seed.
        folder: Of the report.
        options: How to analyse.

    Returns:
        The figures for the report.

    Raises:
        FileNotFoundError: If the data is gone.
        ValueError: If the data has changed, or runs are of several data sets.
        OSError: If something cannot be written.
    """
    data = RunData()
    studies = [study_run(run, options, data) for run in runs]
    own = folder / "correlation" / studies[0].data
    for study in studies:
        write_study(study, own / f"seed-{study.seed}")
    together = compare_runs(studies)
    if together is not None:
        write_comparison(together, own)
    return _figures(studies[0], folder / "figures")


def _figures(study: RunStudy, folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    drawn = {"correlation": draw_histograms(study.report, title=study.title)}
    if study.truncation:
        drawn["truncation"] = draw_truncation(study.truncation, title=study.title)
    for name, figure in drawn.items():
        write_text(folder / f"{study.data}-{name}.svg", to_svg(figure))
    return [folder / f"{study.data}-{name}.svg" for name in drawn]
