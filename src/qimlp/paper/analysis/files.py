"""Studies as files: JSON, CSV and figures."""

from __future__ import annotations

from pathlib import Path

from qimlp.correlation import figures, write_csv, write_report
from qimlp.files import write_json
from qimlp.paper.analysis.run_comparison import SeveralRuns
from qimlp.paper.analysis.study import Epochs, RunStudy
from qimlp.statistics import Estimate


def require_free(folder: Path, *, overwrite: bool) -> None:
    """Refuse a folder that already holds an analysis.

    Args:
        folder: The folder.
        overwrite: Whether an analysis there may be replaced.

    Raises:
        FileExistsError: If it does, and may not be replaced.
    """
    known = [name for name in ("report.json", "relation.json") if (folder / name).exists()]
    if known and not overwrite:
        raise FileExistsError(
            f"{folder / known[0]} exists; use another --out, or --overwrite to replace it"
        )


def write_study(study: RunStudy, folder: Path) -> list[Path]:
    """Write everything about one run.

    Args:
        study: From `study_run`.
        folder: Made where it is missing; files of the same names are replaced.

    Returns:
        The figures.

    Raises:
        OSError: If something cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    drawn = [folder / f"{name}.png" for name in ("histograms", "levels", "spectra")]
    figures.plot_histograms(study.report, drawn[0], title=study.title)
    figures.plot_levels(study.report, drawn[1], title=study.title)
    figures.plot_spectra(study.report, drawn[2], title=study.title)
    if study.truncation:
        drawn.append(folder / "truncation.png")
        figures.plot_truncation(study.truncation, drawn[-1], title=study.title)
        write_csv(folder / "truncation.csv", _truncation_rows(study))
    if study.epochs is not None:
        drawn.append(folder / "epochs.png")
        figures.plot_epochs(
            *named_epochs(study, study.epochs), study.report.unit, drawn[-1], title=study.title
        )
    write_report(study.report, folder, study.more())
    return drawn


def named_epochs(study: RunStudy, epochs: Epochs) -> tuple[list[int], dict[str, list[Estimate]]]:
    """What happened over training, for a figure.

    Args:
        study: The run's.
        epochs: Its epochs.

    Returns:
        Numbers of the epochs, and for each layer's name C of each.
    """
    names = figures.layer_names([layer.place for layer in study.report.layers])
    return epochs.numbers, {names[layer]: values for layer, values in epochs.strong.items()}


def write_comparison(runs: SeveralRuns, folder: Path) -> list[Path]:
    """Write how several runs compare: `relation.json`, `.csv` and `.png`.

    Args:
        runs: From `compare_runs`.
        folder: Made where it is missing.

    Returns:
        The figure.

    Raises:
        OSError: If something cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    figure = folder / "relation.png"
    figures.plot_relation(runs.points, runs.unit, figure, title=runs.data)
    write_csv(folder / "relation.csv", runs.rows())
    write_json(folder / "relation.json", runs.to_dict())
    return [figure]


def _truncation_rows(study: RunStudy) -> list[dict[str, object]]:
    return [
        {
            "layer": curve.place.layer,
            "stage": curve.place.stage,
            "rank": point.rank,
            "accuracy": point.accuracy.mean,
            "accuracy_low": point.accuracy.low,
            "accuracy_high": point.accuracy.high,
            "kept": point.kept,
            "permuted_accuracy": point.permuted_accuracy.mean,
            "permuted_kept": point.permuted_kept,
            "full_accuracy": curve.full.mean,
            "samples": curve.full.count,
        }
        for curve in study.truncation
        for point in curve.points
    ]
