"""``qimlp train``: networks and seeds on one data set, then their comparison."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from qimlp.cli.console import make_table, open_console
from qimlp.cli.progress import open_reporter
from qimlp.distributed import launched_rank
from qimlp.settings import FIELDS, RECIPES, TrainSettings, read_settings_file, resolve_settings
from qimlp.training import (
    COLUMNS,
    Comparison,
    Experiment,
    RunFolder,
    cells,
    compare,
    keep_freed_memory,
    read_experiment,
    resume,
    resume_experiment,
    run_experiment,
)


def train_command(
    data: Annotated[
        str | None,
        typer.Argument(
            help="digits, mnist, cifar10, imdb, 20newsgroups, another folder of --data-dir, or a "
            "path: a folder of Parquet or image files, a .csv, .parquet or .npz file."
        ),
    ] = None,
    *,
    text: Annotated[str | None, typer.Option(help="Features of texts: tfidf or encoder.")] = None,
    terms: Annotated[int | None, typer.Option(help="Number of TF-IDF terms.")] = None,
    terms_by: Annotated[
        str | None,
        typer.Option(help="Which terms: frequency, or svm, those that tell the classes."),
    ] = None,
    encoder: Annotated[
        str | None, typer.Option(help="bert-base-uncased, another name, or a folder.")
    ] = None,
    pooling: Annotated[
        str | None, typer.Option(help="Of an encoder's output: mean over the tokens, or cls.")
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option(help="Tokens of a text that an encoder reads.")
    ] = None,
    finetune: Annotated[
        bool | None, typer.Option("--finetune/--frozen", help="Train the encoder with the network.")
    ] = None,
    encoder_lr: Annotated[
        float | None, typer.Option(help="Peak learning rate of the encoder.")
    ] = None,
    order: Annotated[
        str | None,
        typer.Option(
            help="Of features: none, spectral (learned), nearest (with --start), patches or "
            "columns (images)."
        ),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(help="mlp, low-rank, 2b, 3b, 4b; may be given several times."),
    ] = None,
    seeds: Annotated[str | None, typer.Option(help="Seeds, such as 0,1,2.")] = None,
    dims: Annotated[
        str | None, typer.Option(help='Sizes of the bodies, such as "28x28,28x28,2x5".')
    ] = None,
    depth: Annotated[int | None, typer.Option(help="Number of layers.")] = None,
    rank: Annotated[int | None, typer.Option(help="Number of summed Kronecker products.")] = None,
    bias: Annotated[str | None, typer.Option(help="kronecker, dense or none.")] = None,
    activation: Annotated[str | None, typer.Option(help="gelu, relu, ...")] = None,
    init: Annotated[str | None, typer.Option(help="Random factors: normal or orthogonal.")] = None,
    start: Annotated[
        str | None, typer.Option(help="random, or near a linear model (one layer): ridge, svm.")
    ] = None,
    start_penalty: Annotated[
        float | None, typer.Option(help="Penalty of that linear model.")
    ] = None,
    starts: Annotated[
        int | None, typer.Option(help="Random starts to compare by train loss; the best goes on.")
    ] = None,
    start_epochs: Annotated[
        int | None, typer.Option(help="Epochs of the short run of every start.")
    ] = None,
    dropout: Annotated[float | None, typer.Option(help="Of the MLP only.")] = None,
    recipe: Annotated[str | None, typer.Option(help=f"One of: {', '.join(RECIPES)}.")] = None,
    config: Annotated[
        Path | None, typer.Option(help="Settings file, .toml or .json; options win over it.")
    ] = None,
    epochs: Annotated[int | None, typer.Option()] = None,
    batch_size: Annotated[int | None, typer.Option(help="Over all processes.")] = None,
    lr: Annotated[float | None, typer.Option(help="Peak learning rate.")] = None,
    factor_lr_scale: Annotated[
        float | None, typer.Option(help="0: one rate; 1: rates that fit the factors.")
    ] = None,
    optimizer: Annotated[str | None, typer.Option(help="adamw or full-matrix.")] = None,
    betas: Annotated[str | None, typer.Option(help="Adam's, such as 0.9,0.99.")] = None,
    schedule: Annotated[str | None, typer.Option(help="one-cycle, cosine or constant.")] = None,
    weight_decay: Annotated[float | None, typer.Option(help="Decay of a dense weight.")] = None,
    ema_decay: Annotated[str | None, typer.Option(help="Of the averaged weights, or off.")] = None,
    label_smoothing: Annotated[float | None, typer.Option()] = None,
    scaling: Annotated[
        str | None, typer.Option(help="none, unit, symmetric, standardize or overall.")
    ] = None,
    dev_fraction: Annotated[float | None, typer.Option(help="Part kept for choosing.")] = None,
    dev_split: Annotated[
        str | None,
        typer.Option(help="random, or blocks: of rows as they lie, where neighbours are related."),
    ] = None,
    data_dir: Annotated[
        str | None, typer.Option(help="Folder of named data; else the variable QIMLP_DATA.")
    ] = None,
    label_column: Annotated[str | None, typer.Option(help="Label column of a table.")] = None,
    drop_column: Annotated[
        list[str] | None,
        typer.Option(help="Column of a table to leave out; may be given several times."),
    ] = None,
    streaming: Annotated[
        bool | None, typer.Option("--streaming/--in-memory", help="By default by size.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:1, mps, ...")] = None,
    dtype: Annotated[str | None, typer.Option(help="float32, float64 or bfloat16.")] = None,
    mixed_precision: Annotated[str | None, typer.Option(help="no or bf16.")] = None,
    threads: Annotated[int | None, typer.Option(help="CPU threads.")] = None,
    log_every: Annotated[int | None, typer.Option(help="Steps between two checks.")] = None,
    captured_step: Annotated[
        str | None, typer.Option(help="Step as a CUDA graph: auto (where it can be), on or off.")
    ] = None,
    checkpoints: Annotated[
        bool | None,
        typer.Option("--checkpoints/--no-checkpoints", help="Keep the network of every epoch."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the run folders; by default runs/ here.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace earlier runs; give up unfinished ones.")
    ] = False,
    resume_from: Annotated[
        Path | None,
        typer.Option("--resume", help="Continue a run folder, or all runs of an --out folder."),
    ] = None,
) -> None:
    """Train networks on one data set and compare them."""
    keep_freed_memory()
    given = {
        name: value
        for name, value in locals().items()
        if name in FIELDS and name != "model" and value is not None
    }
    if drop_column:
        given["drop_columns"] = tuple(drop_column)
    if resume_from is not None:
        others = {"--model": model, "--seeds": seeds, "--config": config}
        _resume(resume_from, given, {**others, "--out": out, "--overwrite": overwrite})
        return
    runs = _plan_runs(given, model, seeds, config)
    console = open_console()
    with open_reporter(console, len(runs)) as reporter:
        experiment = run_experiment(
            runs, out=out or Path("runs"), overwrite=overwrite, on_event=reporter
        )
    _show_experiment(console, experiment)


def _plan_runs(
    given: dict[str, Any], models: list[str] | None, seeds: str | None, config: Path | None
) -> list[TrainSettings]:
    """One run for every model and seed, in this order."""
    file = {} if config is None else read_settings_file(config)
    source = "settings" if config is None else str(config)
    if "data" not in given and "data" not in file:
        raise ValueError("expected the DATA to train on, such as digits; see qimlp train --help")
    if "text" not in given | file and given.keys() & {"encoder", "finetune"}:
        given = {**given, "text": "encoder"}
    chosen: list[dict[str, Any]] = [{"model": name} for name in models or []]
    if not chosen:
        chosen = [_model_of_dims(given) if "model" not in file else {}]
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
    return {"model": f"{given['dims'].split(',')[0].count('x') + 1}b"}


def _parse_seeds(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(f"--seeds {text!r}: expected whole numbers joined by commas") from None


def _resume(
    path: Path,
    given: dict[str, Any],
    others: dict[str, Any],
) -> None:
    names = [f"--{name.replace('_', '-')}" for name in given if name != "data"]
    names += ["DATA"] if "data" in given else []
    names += [name for name, value in others.items() if value not in (None, False)]
    if names:
        raise ValueError(f"--resume takes the settings of the run: leave out {', '.join(names)}")
    console = open_console()
    if RunFolder(path).settings_file.is_file():
        with open_reporter(console, 1) as reporter:
            result = resume(path, on_event=reporter)
        _show(console, compare([result]))
        return
    with open_reporter(console, len(read_experiment(path))) as reporter:
        experiment = resume_experiment(path, on_event=reporter)
    _show_experiment(console, experiment)


def _show_experiment(console: Console, experiment: Experiment) -> None:
    _show(console, experiment.comparison)
    if launched_rank() == 0:
        console.print(f"Report: {experiment.table}", markup=False, soft_wrap=True)
        console.print(f"Figure: {experiment.figure}", markup=False, soft_wrap=True)


def _show(console: Console, comparison: Comparison) -> None:
    if launched_rank() != 0:
        return
    table = make_table(comparison.data, COLUMNS)
    for row in comparison.rows:
        table.add_row(*cells(row))
    console.print(table)
    console.print(f"Compression: against {comparison.reference}.")
    for remark in comparison.remarks:
        console.print(remark, markup=False)
