"""`qimlp analyze`: strong correlation of the layers of trained networks."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from qimlp.cli.output.console import make_table, open_console, write_json
from qimlp.correlation import BASELINES, SUBSYSTEMS, Subsystems
from qimlp.paper import (
    HOW_TO_READ_MARKS,
    RunData,
    RunStudy,
    StudyOptions,
    compare_runs,
    find_runs,
    require_free,
    study_run,
    write_comparison,
    write_study,
)
from qimlp.settings import parse_dims
from qimlp.shapes import format_dims

_SHORT = {
    "untrained": "untrained",
    "shuffled": "shuffled",
    "permuted": "permuted",
    "random": "random",
    "mlp": "MLP",
    "untrained_mlp": "new MLP",
    "control": "control",
}
_UNITS = {"nats": None, "bits": 2.0}


def analyze_command(
    runs: Annotated[list[Path], typer.Argument(help="Run folders, or folders of runs.")],
    *,
    control: Annotated[
        Path | None,
        typer.Option(
            help="Run folder of any trained network of the same widths, to compare with; by "
            "default the classic MLP beside the run."
        ),
    ] = None,
    dims: Annotated[
        str | None,
        typer.Option(help="Bodies of the hidden layers of a classic network, such as 28x28."),
    ] = None,
    samples: Annotated[int | None, typer.Option(help="Test examples; all by default.")] = None,
    baseline_samples: Annotated[int, typer.Option(help="Examples for the baselines.")] = 500,
    truncation_samples: Annotated[
        int, typer.Option(help="Examples for accuracy against Schmidt rank; 0 leaves it out.")
    ] = 2000,
    subsystems: Annotated[str, typer.Option(help=f"{', '.join(SUBSYSTEMS)}.")] = "partial_trace",
    unit: Annotated[str, typer.Option(help="nats or bits.")] = "nats",
    seed: Annotated[int, typer.Option(help="Of shuffles and random vectors.")] = 0,
    data_dir: Annotated[str | None, typer.Option(help="Folder of named data.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, mps, ...")] = "auto",
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the files; by default correlation/ in each run folder, and in the "
            "folder of runs for their comparison."
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an earlier analysis.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, nothing else.")] = False,
) -> None:
    """Measure the strong correlation of trained networks' layers, with its baselines."""
    options = StudyOptions(
        samples=_at_least(1, "--samples", samples),
        baseline_samples=_at_least(2, "--baseline-samples", baseline_samples) or 0,
        control=control,
        dims=_one_layer(dims),
        subsystems=_subsystems(subsystems),
        base=_base(unit),
        truncation_samples=_at_least(0, "--truncation-samples", truncation_samples) or 0,
        device=device,
        data_dir=data_dir,
        seed=seed,
    )
    found = find_runs(runs, classic=dims is not None)
    folders = _folders(found, out)
    where = _comparison_folder(runs, found, out)
    for folder in {*folders.values(), where}:
        require_free(folder, overwrite=overwrite)
    console, data = open_console(), RunData()
    studies = []
    for run, folder in folders.items():
        study = study_run(run, options, data)
        figures = write_study(study, folder)
        studies.append(study)
        if not as_json:
            _show(console, study, folder, figures)
    together = compare_runs(studies) if len(studies) > 1 else None
    figures = [] if together is None else write_comparison(together, where)
    if as_json:
        values = [{**study.report.to_dict(), **study.more()} for study in studies]
        write_json(console, values[0] if len(values) == 1 else values)
    elif together is not None:
        for several in together.tables:
            title = f"{several.network}, {several.runs} runs; {HOW_TO_READ_MARKS}"
            table = make_table(title, several.columns)
            for row in several.rows:
                table.add_row(*row)
            console.print(table)
        for line in together.answers:
            console.print(line, markup=False, soft_wrap=True)
        console.print(f"Figure: {figures[0]}", markup=False, soft_wrap=True)


def _show(console: Console, study: RunStudy, folder: Path, figures: list[Path]) -> None:
    report = study.report
    present = [n for n in BASELINES if any(layer.baseline(n) for layer in report.layers)]
    columns = ("layer", "bodies", "stage", "C", "±", "C > 0", "I", "S body", "S mix", "rank")
    table = make_table(
        f"{study.title}; {report.samples:,} samples, {report.unit}; right: C of the baselines",
        columns + tuple(_SHORT[name] for name in present),
        left=3,
    )
    for layer in report.layers:
        measured = layer.measured
        bodies = [body.mean for body in measured.bodies]
        baselines = [layer.baseline(name) for name in present]
        table.add_row(
            layer.place.layer,
            format_dims(layer.place.dims),
            layer.place.stage,
            f"{measured.strong.mean:.3f}",
            f"{(measured.strong.high - measured.strong.low) / 2:.3f}",
            f"{measured.share_above.mean:.1%}",
            f"{measured.total.mean:.3f}",
            f"{sum(bodies) / len(bodies):.3f}",
            f"{measured.mixture.mean:.3f}",
            f"{measured.effective_rank.mean:.1f}",
            *("-" if b is None else f"{b.strong.mean:.3f}" for b in baselines),
        )
    console.print(table)
    lines = [*report.answers, *(f"Note: {note}" for note in report.notes), *_truncated(study)]
    lines.append(f"Report: {folder / 'report.json'} and {folder / 'layers.csv'}")
    lines.append(f"Figures: {', '.join(str(figure) for figure in figures)}")
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)


def _truncated(study: RunStudy) -> list[str]:
    lines = []
    for curve in study.truncation:
        points = ", ".join(f"{p.rank}: {p.accuracy.mean:.3f}" for p in curve.points)
        lines.append(
            f"Accuracy with {curve.place.layer} cut to rank {points}; "
            f"not cut {curve.full.mean:.3f} ({curve.full.count:,} examples)."
        )
    return lines


def _folders(runs: list[Path], out: Path | None) -> dict[Path, Path]:
    """Where each run's files go."""
    if out is None:
        return {run: run / "correlation" for run in runs}
    if len(runs) == 1:
        return {runs[0]: out}
    return {run: out / f"{run.resolve().parent.name}-{run.resolve().name}" for run in runs}


def _comparison_folder(named: list[Path], runs: list[Path], out: Path | None) -> Path:
    """Where the comparison of the runs goes, if there are several."""
    if out is not None:
        return out
    if len(runs) == 1:
        return runs[0] / "correlation"
    if len(named) > 1:
        raise ValueError(
            f"expected --out, a folder for the comparison of {len(runs)} runs; or name one folder "
            "that holds them all"
        )
    return named[0] / "correlation"


def _at_least(least: int, name: str, value: int | None) -> int | None:
    if value is not None and value < least:
        raise ValueError(f"{name}: expected at least {least}, got {value}")
    return value


def _one_layer(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    parsed: tuple[tuple[int, ...], ...] = parse_dims(text)
    if len(parsed) != 1:
        raise ValueError(f'--dims {text!r}: expected the bodies of one layer, such as "28x28"')
    return parsed[0]


def _base(unit: str) -> float | None:
    if unit not in _UNITS:
        raise ValueError(f"--unit: expected nats or bits, got {unit!r}")
    return _UNITS[unit]


def _subsystems(name: str) -> Subsystems:
    for known in SUBSYSTEMS:
        if name == known:
            return known
    raise ValueError(f"--subsystems: expected one of {', '.join(SUBSYSTEMS)}, got {name!r}")
