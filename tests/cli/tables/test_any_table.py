"""Tables with columns of any kind, from the command line: trained, told, predicted."""

import csv
import json
import re

import numpy as np
import pandas as pd
import pytest

ROWS = 120
RNG = np.random.default_rng(0)
NUMBERS = RNG.normal(size=ROWS).round(4)
CITIES = np.array(["Rom", "Köln", "Oslo"])[np.arange(ROWS) % 3]
FRAME = pd.DataFrame(
    {
        "id": [f"K-{n:03}" for n in range(ROWS)],
        "n": np.where(np.arange(ROWS) % 11 == 5, np.nan, NUMBERS),
        "city": CITIES,
        "day": pd.date_range("2024-01-01", periods=ROWS).strftime("%d.%m.%Y"),
        "code": np.arange(ROWS) % 4,
        "kind": np.array(["low", "high"])[(CITIES == "Rom").astype(int)],
    }
)
QUICK = ("--steps", 20, "--epochs", 2, "--members", 2, "--threads", 1, "--device", "cpu")


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "orders.csv"
    FRAME.to_csv(path, index=False, sep=";", decimal=",", encoding="latin-1")
    return path


def settings_of(folder):
    (file,) = folder.rglob("settings.json")
    return json.loads(file.read_text())


def lines_of(text):
    """Lines of a table that was printed, each with single blanks."""
    return [" ".join(line.split()) for line in text.splitlines()]


@pytest.fixture
def run(qimlp, table, tmp_path):
    done = qimlp("train", table, *QUICK, "--categorical", "code", "--out", tmp_path / "runs")
    assert done.code == 0, done.err
    return done, tmp_path / "runs" / "orders-table" / "seed-0"


def test_a_table_is_trained_by_the_network_for_tables_and_told(run):
    done, folder = run
    shown = lines_of(done.out)
    assert "kind target 2 classes: high, low" in shown
    assert "id left out it is another text in every row, as an id or a name is" in shown
    assert "n number 11 of 120 missing" in shown
    assert "city category 3 values" in shown
    assert "day date 2024-01-01 to 2024-04-29" in shown
    assert "code category 4 values" in shown
    assert "the target is 'kind', the last column; for another say --target 'id'" in done.out
    assert "read as Latin-1" in done.out
    assert "numbers are read with a decimal comma, as in 'n'" in done.out
    settings = settings_of(folder)
    assert (settings["model"], settings["label_column"], settings["task"]) == (
        "table",
        "kind",
        "classification",
    )
    assert (settings["steps"], settings["batch_size"], settings["linear_skip"]) == (20, 32, True)


def test_what_columns_were_taken_for_is_kept_and_shown_with_the_run(run):
    _, folder = run
    columns = json.loads((folder / "preprocess.json").read_text())["features"]["columns"]
    assert [(column["name"], column["kind"]) for column in columns] == [
        ("id", "left out"),
        ("n", "number"),
        ("city", "category"),
        ("day", "date"),
        ("code", "category"),
    ]
    assert columns[3]["written"] == "%d.%m.%Y"
    card = (folder / "README.md").read_text()
    result = json.loads((folder / "result.json").read_text())
    assert card.startswith("# orders: table\n")
    assert "it answers `kind` with high, low." in card
    assert "| metric | dev (10 rows) | test (24 rows) |" in card
    dev, test = (result[part]["accuracy"] for part in ("dev", "test"))
    assert f"| accuracy | {dev:.4f} | {test:.4f} |" in card
    assert "| training rows | 86 |" in card
    assert "| city | category | 3 values |" in card
    assert "| members | 2 |" in card
    assert str(folder.parent.parent.parent) not in card


def predictions(qimlp, folder, data, tmp_path, *more):
    out = tmp_path / "answers.csv"
    done = qimlp("predict", folder, data, "--out", out, "--overwrite", "--device", "cpu", *more)
    assert done.code == 0, done.err
    with out.open(newline="", encoding="utf-8") as file:
        return done, list(csv.DictReader(file))


def test_predict_finds_columns_by_name_and_keeps_ids(qimlp, run, table, tmp_path):
    _, folder = run
    _, whole = predictions(qimlp, folder, table, tmp_path)
    new = FRAME.assign(more="x")[["code", "more", "day", "n", "id", "city"]]
    new.to_parquet(tmp_path / "new.parquet")
    done, rows = predictions(qimlp, folder, tmp_path / "new.parquet", tmp_path, "--id", "id")
    assert "left out 'more', not among the columns of training" in done.out
    names = ["row", "id", "label", "probability", "high probability", "low probability"]
    assert list(rows[0]) == names
    assert [row["row"] for row in rows] == [str(n) for n in range(1, ROWS + 1)]
    assert [row["id"] for row in rows] == FRAME["id"].tolist()
    for answer, before in zip(rows, whole, strict=True):
        assert answer["label"] == before["label"]
        assert answer["high probability"] == before["high probability"]
        both = float(answer["high probability"]) + float(answer["low probability"])
        assert both == pytest.approx(1)
        assert answer["probability"] == answer[f"{answer['label']} probability"]


def test_unseen_and_missing_values_are_predicted(qimlp, run, tmp_path):
    _, folder = run
    path = tmp_path / "new.csv"
    path.write_text("city,n,day,code\nLima,,,9\n,0.5,01.02.2024,\n")
    _, rows = predictions(qimlp, folder, path, tmp_path)
    assert [row["row"] for row in rows] == ["1", "2"]
    assert all(row["label"] in ("high", "low") for row in rows)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("city,n,day\nRom,1,01.02.2024\n", "lacks 'code', among the columns of the training data"),
        ("city,n,day,code\nRom,tall,,1\n", "row 1, column 'n': expected a finite number"),
        ("city,n,day,code\nRom,1,,1\nRom,1,soon,1\n", "row 2, column 'day': expected a date"),
    ],
)
def test_rows_that_do_not_fit(qimlp, run, tmp_path, text, message):
    _, folder = run
    (tmp_path / "new.csv").write_text(text)
    done = qimlp("predict", folder, tmp_path / "new.csv", "--out", tmp_path / "answers.csv")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert f"{tmp_path / 'new.csv'}: {message}" in done.err
    assert not (tmp_path / "answers.csv").exists()


def test_eval_reads_the_target_by_its_name(qimlp, run, tmp_path):
    _, folder = run
    own = json.loads(qimlp("eval", folder, "--json").out)
    result = json.loads((folder / "result.json").read_text())
    assert own["accuracy"] == result["test"]["accuracy"]
    FRAME.rename(columns={"kind": "truth"})[::-1].to_csv(tmp_path / "new.csv", index=False)
    done = qimlp("eval", folder, tmp_path / "new.csv", "--json")
    assert "new.csv: has no column 'kind' (the target)" in done.err
    done = qimlp("eval", folder, tmp_path / "new.csv", "--json", "--target", "truth")
    assert json.loads(done.out)["examples"] == ROWS


def test_a_run_goes_on_and_is_compared_with_other_networks(qimlp, tmp_path):
    frame = FRAME[["n", "code", "kind"]].dropna()
    frame.to_csv(tmp_path / "plain.csv", index=False)
    named = ("--model", "table", "--model", "2b", "--target", "kind", "--steps", 10, "--epochs", 2)
    done = qimlp("train", tmp_path / "plain.csv", *named, "--out", tmp_path / "runs")
    assert done.code == 0, done.err
    rows = json.loads((tmp_path / "runs" / "comparison.json").read_text())["rows"]
    assert [row["label"] for row in rows] == ["table", "2b"]
    again = qimlp("train", "--resume", tmp_path / "runs")
    assert again.code == 0, again.err


def test_regression_steps_by_rows_and_dropped_columns(qimlp, table, tmp_path):
    more = ("--target", "n", "--drop", "id", "--drop", "day", "--members", 1, "--steps", 10)
    done = qimlp("train", table, *more, "--epochs", 2, "--out", tmp_path / "runs")
    assert done.code == 0, done.err
    assert "this is a regression" in done.out
    assert "n target number to predict" in lines_of(done.out)
    assert "id left out by --drop" in lines_of(done.out)
    assert "left out 11 rows without a value of the target 'n', the first is row 6" in done.out
    settings = settings_of(tmp_path / "runs")
    assert settings["task"] == "regression"
    assert settings["drop_columns"] == ["id", "day"]
    folder = tmp_path / "runs" / "orders-table" / "seed-0"
    _, rows = predictions(qimlp, folder, table, tmp_path)
    assert list(rows[0]) == ["row", "n"]
    assert re.fullmatch(r"-?\d+\.\d+(e-\d+)?", rows[0]["n"])


@pytest.mark.parametrize("classes", ["none", "balanced"])
def test_steps_are_chosen_by_the_rows(qimlp, tmp_path, monkeypatch, classes):
    monkeypatch.setattr(
        "qimlp.cli.runs.tables.table_recipe", lambda rows, *_, **__: {"steps": rows // 10}
    )
    frame, out = FRAME[["n", "city", "kind"]], ("--out", tmp_path / "runs")
    frame.to_csv(tmp_path / "t.csv", index=False)
    done = qimlp("train", tmp_path / "t.csv", "--members", 1, "--class-weights", classes, *out)
    assert done.code == 0, done.err
    assert "table: 8 steps of 50 rows, for 86 training rows; --steps says otherwise" in done.out
