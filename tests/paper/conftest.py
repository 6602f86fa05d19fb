"""Cells on the digits that scikit-learn carries, done within a moment."""

from pathlib import Path

import pytest

from qimlp.paper.analysis.figure_runs import FigureRuns
from qimlp.paper.campaign.run_cell import Workspace
from qimlp.paper.campaign.store import Entry, Store
from qimlp.paper.cells.cell import Cell, Variant
from qimlp.paper.cells.variants import variants

ALL = variants()
QUICK = {"model": "2b", "epochs": 2, "batch_size": 100, "ema_decay": None}


@pytest.fixture
def variant() -> Variant:
    return Variant("digits", "2b", "tuned", QUICK, parameters=351)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "results", tmp_path / "runs", device="cpu")


def make_entry(cell: Cell, **changes: object) -> Entry:
    """An entry as if the cell had been run."""
    values = {
        "cell": cell.name,
        "key": cell.key(),
        "settings": cell.settings().model_dump(mode="json"),
        "parameters": 100,
        "best_epoch": 2,
        "dev_accuracy": 0.9,
        "test_accuracy": 0.8,
        "best_test_accuracy_seen": 0.85,
        "history": {
            name: [0.5, 0.6] for name in ("train_loss", "dev_loss", "dev_accuracy", "test_accuracy")
        },
        "steps_per_epoch": 10,
        "seconds": 1.0,
        "seconds_per_step": 0.001,
        "memory_bytes": 1000,
        "encoder": None,
        "versions": {},
    }
    return Entry(**{**values, **changes})


def fill(store: Store, values: dict[str, tuple[float, ...]]) -> None:
    """Entries with the given test accuracies, by the variants' names."""
    for variant in ALL:
        for seed, accuracy in enumerate(values.get(variant.name, ())):
            cell = Cell(variant, seed)
            known = {} if variant.parameters is None else {"parameters": variant.parameters}
            store.write(
                cell,
                make_entry(
                    cell,
                    test_accuracy=accuracy,
                    best_test_accuracy_seen=accuracy + 0.01,
                    **known,
                ),
            )


def around(mean: float, count: int = 3) -> dict[str, float]:
    """A mean as comparisons of runs hold it."""
    half = 0.1 if count > 1 else 0.0
    return {"mean": mean, "low": mean - half, "high": mean + half, "std": 0.0, "count": count}


STUDY = {
    "data": "mnist",
    "layers": [
        {
            "layer": 1,
            "strong": {"2b": around(1.5)},
            "growth": {},
            "against": {"2b": {"untrained": around(0.3)}},
            "relation": None,
        },
        {
            "layer": 2,
            "strong": {"2b": around(1.7)},
            "growth": {"2b": around(0.2)},
            "against": {"2b": {"untrained": around(0.05)}},
            "relation": {
                "count": 12,
                "pearson": 0.7,
                "pearson_low": 0.3,
                "pearson_high": 0.9,
                "p_value": 0.01,
            },
        },
    ],
    "tables": [
        {
            "network": "2b",
            "runs": 3,
            "columns": ["", "layer 1", "layer 2"],
            "rows": [["C", "1.50", "1.70"]],
        }
    ],
    "answers": ["It holds more."],
}


def on_digits() -> FigureRuns:
    """Figs. 6 and 7 on the digits: two seeds, another rank, the classic MLP."""
    two_body = Variant("digits", "2b", "tuned", QUICK)
    rank2 = Variant("digits", "2b-rank2", "tuned", {**QUICK, "rank": 2})
    mlp = Variant("digits", "mlp", "tuned", {**QUICK, "model": "mlp"})
    return FigureRuns(
        "digits",
        (Cell(two_body, 0), Cell(two_body, 1)),
        (Cell(rank2, 0), Cell(rank2, 1)),
        Cell(mlp, 0),
    )
