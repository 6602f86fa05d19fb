"""What `qimlp train` does about tables: the model by default, sizes by rows, a table of columns."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from rich.console import Console

from qimlp.cli.output.console import make_table
from qimlp.data import Column, TableDataSet, is_table
from qimlp.files import printable
from qimlp.settings import TrainSettings, table_recipe

_OF_OTHERS = frozenset(
    {
        "depth",
        "width",
        "bias",
        "init",
        "warm_start",
        "warm_start_penalty",
        "restarts",
        "restart_epochs",
        "order",
        "scaling",
        "text",
        "terms_by",
        "encoder",
        "finetune",
        "streaming",
        "resize",
    }
)
"""Settings that model table does not know: who gives one of them means another network."""

_SHOWN = 40
"""Columns of which each has a line; of more, numbers with nothing to say share one."""


def usual_model(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Choose the network where none is named.

    Args:
        settings: Those that were given, by name.

    Returns:
        Model table for a table, unless a setting is of other networks; nothing else.

    Raises:
        ValueError: If the data is there and damaged.
    """
    other = settings.keys() & _OF_OTHERS or settings.get("recipe", "tuned") != "tuned"
    if other or not is_table(str(settings["data"]), settings.get("data_dir")):
        return {}
    return {"model": "table"}


def sized(
    settings: TrainSettings, data: TableDataSet, given: Collection[str]
) -> tuple[TrainSettings, str]:
    """Fill in what model table takes from the data: the target, the task, and sizes by rows.

    Args:
        settings: Of one run.
        data: What was read.
        given: Settings that the user chose.

    Returns:
        The settings, and one line on their steps; empty where the user chose them.
    """
    rows = max(round(len(data.train) * (1 - settings.dataset.dev_fraction)), 1)
    columns = sum(column.kind != "left out" for column in data.columns)
    kind = "quantile-regression" if settings.optimisation.learned_quantiles else data.task.kind
    recipe = table_recipe(rows, columns, task=kind)
    chosen = {name: value for name, value in recipe.items() if name not in given}
    if "epochs" in given and "steps" not in given:
        del chosen["steps"]
    targets = data.targets if len(data.targets) > 1 else data.targets[0]
    settings = settings.replace(**chosen, label_column=targets, task=data.task.kind)
    if "steps" not in chosen:
        return settings, ""
    note = (
        f"{settings.label}: {chosen['steps']:,} steps of {settings.optimisation.batch_size} rows, "
        f"for {rows:,} training rows; --steps says otherwise"
    )
    return settings, note


def show_columns(console: Console, data: TableDataSet) -> None:
    """Show what each column was taken for.

    Args:
        console: Where to.
        data: The table.
    """
    table = make_table(data.name, ("column", "taken for", "seen"), left=3)
    for target in data.targets:
        table.add_row(printable(target, 40), "target", _on_target(data))
    for names, kind, note in _lines(data.columns):
        table.add_row(names, kind, printable(note, 100))
    console.print(table)


def _on_target(data: TableDataSet) -> str:
    names = data.task.class_names
    if not names:
        return "number to predict"
    listed = ", ".join(printable(name, 20) for name in names[:6])
    return f"{len(names)} classes: {listed}{', ...' if len(names) > 6 else ''}"


def _lines(columns: Sequence[Column]) -> list[tuple[str, str, str]]:
    """Names, kind and note of each line."""
    plain = [column for column in columns if column.kind == "number" and not column.note]
    if len(columns) <= _SHOWN or len(plain) < 2:
        return [(printable(column.name, 40), column.kind, column.note) for column in columns]
    lines = []
    for column in columns:
        if column == plain[0]:
            names = f"{printable(plain[0].name, 20)}, ..., {printable(plain[-1].name, 20)}"
            lines.append((names, f"{len(plain)} numbers", ""))
        elif column not in plain:
            lines.append((printable(column.name, 40), column.kind, column.note))
    return lines
