"""`qimlp predict`: classes and probabilities for new data."""

from pathlib import Path
from typing import Annotated

import typer

from qimlp.cli.output.console import Notes, open_console
from qimlp.cli.output.encoding import show_encoding
from qimlp.data import read_column
from qimlp.predictor import check_not_input, check_predictions_path, write_predictions
from qimlp.training import load_trained


def predict_command(
    run: Annotated[Path, typer.Argument(help="A run folder, or that of a saved model.")],
    file: Annotated[str, typer.Argument(help="Data with the same features; labels not needed.")],
    *,
    out: Annotated[Path, typer.Option(help="File to write: .csv, .jsonl or .parquet.")] = Path(
        "predictions.csv"
    ),
    data_dir: Annotated[str | None, typer.Option(help="Folder of named data.")] = None,
    label_column: Annotated[
        str | None,
        typer.Option(
            "--label-column", "--target", help="Label column of a table, left aside if there."
        ),
    ] = None,
    id_column: Annotated[
        str | None, typer.Option("--id", help="Column of a table to put beside its predictions.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, mps, ...")] = "auto",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file.")] = False,
) -> None:
    """Predict with a run's best network: one row per example, in order.

    Images come with their paths.
    """
    check_predictions_path(out, overwrite=overwrite)
    predictor, trained = load_trained(run, device=device, data_dir=data_dir)
    if trained is not None:
        data_dir = trained.settings.dataset.data_dir
    check_not_input(out, file, data_dir)
    console = open_console()
    with show_encoding(console):
        if trained is None:
            found = predictor.read(file, data_dir=data_dir, label_column=label_column)
        else:
            found = trained.read_inputs(file, label_column=label_column)
    Notes(console).say(found.notes)
    ids = None
    if id_column is not None:
        ids = {id_column: read_column(file, id_column, data_dir=data_dir)}
    answers = predictor.task.columns(predictor.answers(found.inputs))
    write_predictions(out, answers, found.files, ids)
    what = "predictions" if found.part is None else f"predictions of the {found.part} part"
    console.print(f"{len(found.inputs):,} {what} in {out}", markup=False, soft_wrap=True)
