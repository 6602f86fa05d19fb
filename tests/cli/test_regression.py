"""Regression from the command line, end to end."""

import json

import numpy as np
import pytest


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


def test_huber_and_wrong_options(qimlp, table, tmp_path):
    named = ("--label-column", "height", "--drop-column", "weight")
    done = qimlp("train", table, *named, *QUICK[2:], "--loss", "huber", "--out", tmp_path / "runs")
    assert done.code == 0, done.err
    wrong = qimlp("train", table, *named, "--class-weights", "balanced", "--out", tmp_path / "no")
    assert wrong.code == 2
    assert wrong.err.count("\n") == 1
    assert "class_weights are for classification" in wrong.err
    assert not (tmp_path / "no").exists()
