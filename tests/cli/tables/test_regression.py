"""Regression from the command line, end to end."""

import json

import numpy as np
import pytest

from qimlp.settings import RECIPES


@pytest.fixture
def table(tmp_path):
    """Two targets in units far apart, linear in three features."""
    random = np.random.default_rng(0)
    x = random.normal(size=(300, 4))
    height, weight = x @ [1, 2, -1, 0] * 1e6 + 1.7e9, x @ [0, 1, 1, 1] * 1e-3
    rows = np.column_stack([x, height, weight])
    text = "a,b,c,d,height,weight\n" + "".join(",".join(map(repr, r)) + "\n" for r in rows.tolist())
    (tmp_path / "table.csv").write_text(text)
    return tmp_path / "table.csv"


QUICK = ("--dims", "2x2,4x4,2x1", "--epochs", 100, "--lr", 0.02, "--threads", 1)


def test_train_eval_and_predict(qimlp, table, tmp_path):
    named = ("--label-column", "height", "--label-column", "weight")
    done = qimlp("train", table, *named, *QUICK, "--seeds", "0,1", "--out", tmp_path / "runs")
    assert done.code == 0, done.err
    for word in ("test R2", "test RMSE", "test MAE", "dev 0."):
        assert word in done.out
    for name in ("comparison.md", "comparison.json", "comparison.png"):
        assert (tmp_path / "runs" / name).is_file()
    (run,) = (tmp_path / "runs").glob("table-*/seed-0")
    result = json.loads((run / "result.json").read_text())
    assert result["task"] == "regression"
    assert set(result["test"]) == {"loss", "r2", "rmse", "mae"}
    assert result["test"]["r2"] > 0.95
    metrics = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    best = min(metrics, key=lambda epoch: epoch["dev"]["loss"])
    assert best["epoch"] == result["best_epoch"]

    evaluated = qimlp("eval", run, "--json")
    assert json.loads(evaluated.out)["r2"] == pytest.approx(result["test"]["r2"], abs=1e-6)
    assert [row["target"] for row in json.loads(evaluated.out)["per_target"]] == [
        "height",
        "weight",
    ]
    shown = qimlp("eval", run, table)
    assert all(word in shown.out for word in ("height", "weight", "RMSE", "R2"))

    out = tmp_path / "answers.csv"
    assert qimlp("predict", run, table, "--out", out).code == 0
    answers = np.genfromtxt(out, delimiter=",", names=True)
    true = np.genfromtxt(table, delimiter=",", names=True)
    assert answers.dtype.names == ("row", "height", "weight")
    for name in ("height", "weight"):
        error = np.square(answers[name] - true[name]).mean() / true[name].var()
        assert error < 0.05


def settings_of(folder):
    (file,) = folder.rglob("settings.json")
    return json.loads(file.read_text())


def test_labels_that_measure_something_bring_the_recipe_of_regression(qimlp, table, tmp_path):
    named = ("train", table, "--model", "2b", "--threads", 1)
    named = (*named, "--label-column", "height", "--drop-column", "weight")
    done = qimlp(*named, "--epochs", 2, "--seeds", 0, "--out", tmp_path / "auto")
    assert done.code == 0, done.err
    assert done.out.count("this is a regression; to make each value a class") == 1
    assert "--epochs says otherwise" not in done.out
    auto = settings_of(tmp_path / "auto")
    recipe = RECIPES["tuned"]["tasks"]["regression"]
    assert (auto["task"], auto["epochs"]) == ("regression", 2)
    assert (auto["width"], auto["batch_size"]) == (recipe["width"], recipe["batch_size"])
    options = ("--task", "regression", "--epochs", 2, "--width", 36)
    done = qimlp(*named, *options, "--out", tmp_path / "named")
    assert done.code == 0, done.err
    assert "this is a regression" not in done.out
    assert settings_of(tmp_path / "named") == auto | {"width": 36}


def test_epochs_are_chosen_by_the_rows_and_it_is_said(qimlp, table, tmp_path, monkeypatch):
    monkeypatch.setattr("qimlp.settings.recipes.REGRESSION_STEPS", 7)
    named = ("train", table, "--model", "2b", "--label-column", "height", "--batch-size", 64)
    named = (*named, "--threads", 1)
    done = qimlp(*named, "--seeds", "0,1", "--out", tmp_path / "runs")
    assert done.code == 0, done.err
    assert done.out.count(": 2 epochs, for 216 training rows; --epochs says otherwise") == 1
    assert settings_of(next((tmp_path / "runs").glob("*/seed-1")))["epochs"] == 2
    paper = qimlp(*named, "--recipe", "paper", "--epochs", 1, "--out", tmp_path / "paper")
    assert paper.code == 0, paper.err
    assert settings_of(tmp_path / "paper")["width"] is None


def test_classes_are_trained_as_before(qimlp, tmp_path):
    rows = np.random.default_rng(0).normal(size=(60, 4)).tolist()
    lines = [",".join([*map(repr, row), str(number % 3)]) for number, row in enumerate(rows)]
    (tmp_path / "t.csv").write_text("\n".join(["a,b,c,d,label", *lines]))
    named = ("train", tmp_path / "t.csv", "--model", "2b")
    done = qimlp(*named, "--epochs", 1, "--out", tmp_path / "runs")
    assert done.code == 0, done.err
    assert "regression" not in done.out
    settings = settings_of(tmp_path / "runs")
    assert (settings["task"], settings["width"], settings["rank"]) == ("auto", None, 1)


def test_intervals_are_trained_evaluated_and_written(qimlp, table, tmp_path):
    named = ("--label-column", "height", "--label-column", "weight", "--dims", "2x2,4x4,2x3")
    asked = ("--loss", "quantile", "--quantiles", "0.1,0.5,0.9", *QUICK[2:])
    done = qimlp("train", table, *named, *asked, "--seeds", "0,1", "--out", tmp_path / "runs")
    assert done.code == 0, done.err
    assert "test pinball loss" in done.out
    (run,) = (tmp_path / "runs").glob("table-*/seed-0")
    result = json.loads((run / "result.json").read_text())
    assert set(result["test"]) == {"loss", "pinball", "coverage", "r2", "mae"}
    evaluated = json.loads(qimlp("eval", run, "--json").out)
    assert evaluated["coverage"] == pytest.approx(result["test"]["coverage"])
    assert [row["target"] for row in evaluated["per_target"]] == ["height", "weight"]
    assert "at or below q0.9" in qimlp("eval", run).out
    out = tmp_path / "answers.jsonl"
    assert qimlp("predict", run, table, "--out", out).code == 0
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(rows) == 300
    names = [f"{target} q{level}" for target in ("height", "weight") for level in (0.1, 0.5, 0.9)]
    assert list(rows[0])[-6:] == names
    assert all(row[names[0]] <= row[names[1]] <= row[names[2]] for row in rows)
    wrong = qimlp("train", table, *named[:2], "--loss", "quantile", "--quantiles", "0.9,0.1")
    assert (wrong.code, wrong.err.count("\n")) == (2, 1)
    assert "quantiles: expected rising numbers, such as 0.05,0.5,0.95, got '0.9,0.1'" in wrong.err


def test_huber_and_wrong_options(qimlp, table, tmp_path):
    named = ("--label-column", "height", "--drop-column", "weight")
    done = qimlp("train", table, *named, *QUICK[2:], "--loss", "huber", "--out", tmp_path / "runs")
    assert done.code == 0, done.err
    wrong = qimlp("train", table, *named, "--class-weights", "balanced", "--out", tmp_path / "no")
    assert wrong.code == 2
    assert wrong.err.count("\n") == 1
    assert "class_weights balanced: expected none with task regression" in wrong.err
    assert not (tmp_path / "no").exists()
