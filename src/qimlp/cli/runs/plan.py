"""Which runs a command asks for: options, settings file, and what the data says."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

from rich.console import Console

from qimlp.cli.runs.tables import show_columns, sized, usual_model
from qimlp.data import DataSet, TableDataSet
from qimlp.distributed import launched_rank
from qimlp.files import shown
from qimlp.predictor import Loaded
from qimlp.settings import TrainSettings, epochs_by_rows, parse_dims, resolve_settings
from qimlp.training import located


def for_tables(
    runs: Sequence[TrainSettings],
    load: Callable[[TrainSettings], Loaded],
    given: Collection[str],
    console: Console,
) -> tuple[list[TrainSettings], list[str]]:
    """The runs with what model table takes from the data, and what to say; shows the columns."""
    notes: list[str] = []
    revised: list[TrainSettings] = []
    shown_before = False
    for settings in runs:
        data = load(settings)
        if not isinstance(data, TableDataSet):
            revised.append(settings)
            continue
        if not shown_before and launched_rank() == 0:
            show_columns(console, data)
        shown_before = True
        settings_by_rows, note = sized(settings, data, given)
        revised.append(settings_by_rows)
        notes += [note] if note else []
    return revised, notes


def for_regression(
    runs: Sequence[TrainSettings],
    data: Loaded,
    plan: Callable[..., list[TrainSettings]],
    given: Collection[str],
) -> tuple[Sequence[TrainSettings], list[str]]:
    """The runs by the recipe of regression where the data is one, and what to say of it."""
    notes: list[str] = []
    if data.task.kind != "regression":
        return runs, notes
    if runs[0].dataset.task == "auto":
        runs = [located(settings) for settings in plan(task="regression")]
        notes.append(
            "the labels measure something, so this is a regression; to make each value a class "
            "say --task classification"
        )
    if "epochs" not in given and isinstance(data, DataSet | TableDataSet):
        usual, runs = runs, [_with_epochs(settings, len(data.train)) for settings in runs]
        rows = max(round(len(data.train) * (1 - runs[0].dataset.dev_fraction)), 1)
        notes += [
            f"{run.label}: {run.optimisation.epochs} epochs, for {rows:,} training rows; --epochs "
            "says otherwise"
            for run, before in zip(runs, usual, strict=True)
            if run != before
        ]
    return runs, notes


def _with_epochs(settings: TrainSettings, rows: int) -> TrainSettings:
    """The settings with the recipe's epochs for a table of this size, where it has such."""
    if settings.network.kind == "table":  # whose recipe is of steps
        return settings
    train_rows = max(round(rows * (1 - settings.dataset.dev_fraction)), 1)
    epochs = epochs_by_rows(
        settings.recipe,
        task="regression",
        train_rows=train_rows,
        batch_size=settings.optimisation.batch_size,
    )
    return settings if epochs is None else settings.replace(epochs=epochs)


def plan_runs(
    given: dict[str, Any],
    models: list[str] | None,
    seeds: str | None,
    file: dict[str, Any],
    source: str,
) -> list[TrainSettings]:
    """One run for every model and seed, in this order."""
    if "data" not in given and "data" not in file:
        raise ValueError("expected the DATA to train on, such as digits; see --help")
    if "text" not in given | file and given.keys() & {"encoder", "finetune"}:
        given = {**given, "text": "encoder"}
    chosen: list[dict[str, Any]] = [{"model": name} for name in models or []]
    if not chosen and "model" not in file:
        chosen = [_model_of_dims(given) or usual_model({**file, **given})]
    chosen = chosen or [{}]
    numbers = [{"seed": seed} for seed in parse_seeds(seeds)] if seeds is not None else [{}]
    return [
        resolve_settings({**given, **name, **seed}, file=file, source=source)
        for name in chosen
        for seed in numbers
    ]


def _model_of_dims(given: dict[str, Any]) -> dict[str, Any]:
    """The number of bodies that dims have, where only dims were given."""
    if "dims" not in given:
        return {}
    return {"model": f"{len(parse_dims(given['dims'])[0])}b"}


def parse_seeds(text: str) -> list[int]:
    """Read seeds.

    Args:
        text: Whole numbers joined by commas.

    Returns:
        The numbers.

    Raises:
        ValueError: If it is something else.
    """
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(
            f"--seeds {shown(text, 80)}: expected whole numbers joined by commas"
        ) from None
