"""`qimlp eval`: how a trained network does on labelled data."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from qimlp.cli.output.console import Notes, make_table, open_console, write_json
from qimlp.cli.output.encoding import show_encoding
from qimlp.files import shown
from qimlp.tasks import Evaluation, Task
from qimlp.training import load_trained


def eval_command(
    run: Annotated[Path, typer.Argument(help="A run folder, or that of a saved model.")],
    data: Annotated[
        str | None, typer.Argument(help="Name or path; by default what it was trained on.")
    ] = None,
    *,
    data_dir: Annotated[str | None, typer.Option(help="Folder of named data.")] = None,
    label_column: Annotated[
        str | None,
        typer.Option("--label-column", "--target", help="Label column of a table."),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, mps, ...")] = "auto",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, the confusion matrix included.")
    ] = False,
) -> None:
    """Evaluate a run's best network: on the test part where the data has one, else on all."""
    predictor, trained = load_trained(run, device=device, data_dir=data_dir)
    aside = Console(stderr=True)  # standard output may be JSON alone
    with show_encoding(aside):
        if trained is not None and (data is None or trained.is_own(data)):
            if label_column is not None:
                raise ValueError(
                    "--label-column: the run's own test part has its labels; leave it out, or name "
                    "other data"
                )
            source = data or trained.settings.dataset.data
            evaluation = trained.evaluate_test()
        elif data is None:
            raise ValueError(
                f"{shown(str(run))} is a saved model, which has no data of its own: name the data "
                "to evaluate on"
            )
        else:
            source = data
            if trained is None:
                found = predictor.read(
                    data, data_dir=data_dir, label_column=label_column, labelled=True
                )
            else:
                found = trained.read_inputs(data, label_column=label_column, labelled=True)
            Notes(aside).say(found.notes)
            evaluation = predictor.evaluate_inputs(found)
    console = open_console()
    if as_json:
        write_json(console, {"run": str(run), "data": source, **evaluation.to_dict()})
        return
    titles, rows = evaluation.table()
    table = make_table(source, titles)
    for row in rows:
        table.add_row(*row)
    console.print(table)
    console.print(_summary(predictor.task, evaluation))


def _summary(task: Task, evaluation: Evaluation) -> str:
    numbers = {metric.title: evaluation.metrics[metric.name] for metric in task.metrics}
    numbers["loss"] = evaluation.metrics["loss"]
    listed = "  ".join(f"{title} {value:.4f}" for title, value in numbers.items())
    return f"{listed}  examples {evaluation.examples:,}"
