"""The model card of a run."""

from qimlp.data import Column, Scaling
from qimlp.predictor import Features, Preparation
from qimlp.settings import resolve_settings
from qimlp.tasks import Classification, Regression
from qimlp.training.comparison.model_card import model_card
from qimlp.training.runs.result import RunResult

NUMBERS = {"loss": 0.25, "accuracy": 0.9, "r2": 0.5, "rmse": 1.0, "mae": 0.75}
ROWS = {"train": 1234, "dev": 100, "test": 2000}


def card(task, columns=(), **settings):
    resolved = resolve_settings({"data": "/home/me/my_data.csv.gz", "model": "mlp", **settings})
    prepared = Preparation(
        task,
        Features(columns=columns),
        Scaling("none", 2, (0.0,), (1.0,)),
        (2,),
        label_column="y",
        fingerprint="abc",
        test_origin="set aside",
    )
    result = RunResult(
        data="t",
        label="mlp",
        kind="mlp",
        seed=0,
        dims=[[2], [3]],
        task=task.kind,
        best_epoch=4,
        dev=NUMBERS,
        test={name: value / 2 for name, value in NUMBERS.items()},
        parameters=5678,
        dense_parameters=9,
        seconds_per_step=0.1,
        memory={},
        dev_curve=[0.9],
        folder="/home/me/runs",
    )
    return model_card(resolved, prepared, result, ROWS, {"torch": "2"})


def test_what_it_says_of_classes():
    text = card(Classification(("a", "b|c")), lr=0.5)
    lines = text.splitlines()
    assert lines[0] == "# my\\_data: mlp"
    assert lines[2] == "A network for classification: it answers `y` with a, b\\|c."
    assert "| metric | dev (100 rows) | test (2,000 rows) |" in lines
    assert "| accuracy | 0.9000 | 0.4500 |" in lines
    assert "| loss | 0.2500 | 0.1250 |" in lines
    assert "| training rows | 1,234 |" in lines
    assert "| lr | 0.5 |" in lines
    assert "| torch | 2 |" in lines
    assert "5,678 parameters. The dev part chose epoch 4" in text
    assert "taken for" not in text
    assert "/home/me" not in text


def test_what_it_says_of_columns_and_of_regression():
    columns = (Column("n*", "number"), Column("id", "left out", "<b>one</b>\nfor each row"))
    lines = card(Regression.of(("price", "size")), columns).splitlines()
    assert lines[2] == "A network for regression: it answers with price, size."
    assert "| R2 | 0.5000 | 0.2500 |" in lines
    assert "| n\\* | number |  |" in lines
    assert "| id | left out | \\<b\\>one\\</b\\>\\\\nfor each row |" in lines


def test_very_many_columns_are_not_all_listed():
    columns = tuple(Column(f"c{place}", "number") for place in range(1000))
    text = card(Classification(tuple(map(str, range(300)))), columns)
    assert "1,000 columns in all" in text
    assert "| c199 |" in text
    assert "| c200 |" not in text
    assert ", 199, ... (300 in all)." in text
