"""The model card of a run: what it was trained on, how well it does, and how it is used."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from qimlp.files import printable
from qimlp.predictor import Preparation
from qimlp.settings import FIELDS, TrainSettings
from qimlp.tasks import Task
from qimlp.training.runs.result import RunResult

_SHOWN = 200
"""Columns and classes that are listed."""


def model_card(
    settings: TrainSettings,
    prepared: Preparation,
    result: RunResult,
    rows: Mapping[str, int],
    versions: Mapping[str, str],
) -> str:
    """Write the model card of a run.

    Args:
        settings: Of the run.
        prepared: How its data was prepared.
        result: What came out.
        rows: Examples of `train`, `dev` and `test`.
        versions: What the numbers may depend on.

    Returns:
        Markdown.
    """
    return "\n".join(
        [
            f"# {_cell(settings.data_name)}: {_cell(settings.label)}",
            "",
            _task(prepared.task, prepared.label_column),
            "",
            "## Use",
            "",
            *_use(prepared),
            "",
            "## Results",
            "",
            *_results(prepared.task, result, rows),
            "",
            "## Data",
            "",
            *_data(settings, prepared, rows),
            "",
            "## Settings",
            "",
            "Those that are not qimlp's own defaults; `settings.json` holds all.",
            "",
            *_table(("setting", "value"), _settings(settings)),
            "",
            "## Versions",
            "",
            *_table(("what", "version"), versions.items()),
            "",
        ]
    )


def _task(task: Task, label: str | None) -> str:
    of = f" `{_cell(label)}`" if label and not task.target_names else ""
    names = [_cell(name) for name in task.class_names or task.target_names]
    more = f", ... ({len(names)} in all)" if len(names) > _SHOWN else ""
    return f"A network for {task.kind}: it answers{of} with {', '.join(names[:_SHOWN])}{more}."


def _use(prepared: Preparation) -> list[str]:
    rows = "network.predict(rows)  # an array, a data frame, or the path of a file"
    if prepared.features.table is not None:
        rows = 'network.predict("new.csv")  # or a data frame with the columns below'
    return [
        "```python",
        "import qimlp",
        "",
        'network = qimlp.Predictor.load("this folder")',
        rows,
        "```",
        "",
        "```bash",
        "qimlp predict THIS-FOLDER new.csv --out predictions.csv",
        "qimlp eval THIS-FOLDER labelled.csv",
        "```",
    ]


def _results(task: Task, result: RunResult, rows: Mapping[str, int]) -> Iterator[str]:
    heads = ("metric", f"dev ({rows['dev']:,} rows)", f"test ({rows['test']:,} rows)")
    names = {metric.name: metric.title for metric in task.metrics} | {"loss": "loss"}
    numbers = [
        (title, f"{result.dev[name]:.4f}", f"{result.test[name]:.4f}")
        for name, title in names.items()
        if name in result.dev and name in result.test
    ]
    yield from _table(heads, numbers)
    yield ""
    yield (
        f"{result.parameters:,} parameters. The dev part chose epoch {result.best_epoch}, so its "
        "figures flatter; the test part was read once, at the end."
    )


def _data(settings: TrainSettings, prepared: Preparation, rows: Mapping[str, int]) -> Iterator[str]:
    facts = (
        ("source", settings.data_name),
        ("training rows", f"{rows['train']:,}"),
        ("test part", prepared.test_origin),
        ("SHA-256", prepared.fingerprint),
    )
    yield from _table(("data", ""), facts)
    columns = prepared.features.columns
    if columns:
        yield ""
        listed = [(column.name, column.kind, column.note) for column in columns[:_SHOWN]]
        yield from _table(("column", "taken for", "seen"), listed)
    if len(columns) > _SHOWN:
        yield ""
        yield f"{len(columns):,} columns in all; `preprocess.json` holds all."


def _settings(settings: TrainSettings) -> list[tuple[str, str]]:
    values: dict[str, Any] = settings.model_dump(mode="json")
    usual = {name: json.dumps(field.default, default=str) for name, field in FIELDS.items()}
    written = {name: json.dumps(value, ensure_ascii=False) for name, value in values.items()}
    changed = [(name, value) for name, value in written.items() if value != usual[name]]
    # Where it lay is nobody else's business: a card is made to be shown.
    return [(name, value) for name, value in changed if name not in ("data", "data_dir")]


def _table(heads: Sequence[str], rows: Any) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"| {' | '.join('---' for _ in heads)} |"
    for row in rows:
        yield f"| {' | '.join(_cell(cell) for cell in row)} |"


def _cell(text: str) -> str:
    """The user's text on one line, without marks that Markdown would act on."""
    plain = printable(str(text), 200)
    return "".join(f"\\{letter}" if letter in "\\|`*_<>[]#" else letter for letter in plain)
