"""`qimlp eval`: how a trained network does on labelled data."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from qimlp.cli.console import Notes, make_table, open_console, write_json
from qimlp.cli.encoding import show_encoding
from qimlp.tasks import Evaluation, Task
from qimlp.training import load_run


def eval_command(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
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
    trained = load_run(run, device=device, data_dir=data_dir)
    own = data is None or trained.is_own(data)
    if own and label_column is not None:
        raise ValueError(
            "--label-column: the run's own test part has its labels; leave it out, or name other "
            "data"
        )
    source = trained.settings.dataset.data if data is None else data
    console = open_console()
    aside = Console(stderr=True)  # standard output may be JSON alone
    with show_encoding(aside):
        if own:
            evaluation = trained.evaluate_test()
        else:
            found = trained.read_inputs(source, label_column=label_column, labelled=True)
            Notes(aside).say(found.notes)
            evaluation = trained.predictor.evaluate_inputs(found)
    if as_json:
        write_json(console, {"run": str(run), "data": source, **evaluation.to_dict()})
        return
    titles, rows = evaluation.table()
    table = make_table(source, titles)
    for row in rows:
        table.add_row(*row)
    console.print(table)
    console.print(_summary(trained.predictor.task, evaluation))


def _summary(task: Task, evaluation: Evaluation) -> str:
    numbers = {metric.title: evaluation.metrics[metric.name] for metric in task.metrics}
    numbers["loss"] = evaluation.metrics["loss"]
    listed = "  ".join(f"{title} {value:.4f}" for title, value in numbers.items())
    return f"{listed}  examples {evaluation.examples:,}"
