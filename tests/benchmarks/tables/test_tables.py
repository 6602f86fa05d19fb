"""The comparison on tables: splits, resumed results, and what is measured of an estimator."""

import json

import numpy as np
import pandas as pd
import pytest

from benchmarks.tables import __main__ as program
from benchmarks.tables import contestants, data, measure, results, sizes
from benchmarks.tables.baselines import boosting, forest, linear, mlp


def table(*, classes, rows=120):
    generator = np.random.default_rng(0)
    frame = pd.DataFrame(generator.normal(size=(rows, 3)), columns=["a", "b", "c"])
    frame["kind"] = np.where(frame["a"] > 0, "warm", "cold")
    frame.loc[::10, "b"] = np.nan
    signal = frame["a"] + 0.5 * frame["c"]
    frame["target"] = np.where(signal > 0, "class 1", "class 0") if classes else signal
    return data.from_frame("tiny", frame, classes=classes)


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setattr(data, "load", lambda name: table(classes=name == "wine"))
    monkeypatch.setattr(measure, "_warm_up", lambda name, task: None)


def test_categories_and_classes_are_read_off_the_columns():
    made = table(classes=True)
    assert list(made.rows.select_dtypes("category").columns) == ["kind"]
    assert (made.classes, made.task, sorted(set(made.targets))) == (2, "classification", [0, 1])
    numbers = table(classes=False)
    assert (numbers.classes, numbers.task, numbers.targets.dtype) == (0, "regression", np.float64)


def test_a_split_is_the_same_every_time_and_holds_every_row_once():
    made = table(classes=True)
    first, again, other = (data.split(made, seed) for seed in (3, 3, 4))
    pd.testing.assert_frame_equal(first.x_test, again.x_test)
    assert not first.x_test["a"].equals(other.x_test["a"])
    assert (len(first.x_train), len(first.x_test)) == (96, 24)
    assert set(first.x_train["a"]).isdisjoint(first.x_test["a"])
    assert abs(first.y_train.mean() - first.y_test.mean()) < 0.02
    assert list(first.many_rows(50)["a"][24:48]) == list(first.x_test["a"])


def test_a_given_table_that_is_not_there_names_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("QIMLP_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="set QIMLP_DATA to the data folder") as raised:
        data.load("concrete")
    assert "concrete.parquet" in str(raised.value)


@pytest.mark.parametrize("maker", [linear, forest, boosting, mlp])
@pytest.mark.parametrize("classes", [True, False])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_baselines_read_missing_values_and_unseen_categories(maker, classes):
    part = data.split(table(classes=classes), 0)
    fitted = maker(part.table, 0).fit(part.x_train, part.y_train)
    score = fitted.score(part.x_test, part.y_test)
    assert score > 0.7
    unseen = part.x_test.assign(kind=pd.Categorical(["new"] * len(part.x_test)))
    assert fitted.predict(unseen).shape == part.y_test.shape


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_parameters_and_bytes_are_those_of_the_whole_pipeline():
    part = data.split(table(classes=False), 0)
    fitted = {
        maker: maker(part.table, 0).fit(part.x_train, part.y_train) for maker in (linear, mlp)
    }
    # Three numbers and two categories; a hidden layer of 100.
    assert sizes.parameters(fitted[linear]) == 5 + 1
    assert sizes.parameters(fitted[mlp]) == 5 * 100 + 100 + 100 + 1
    assert sizes.saved_bytes(fitted[mlp]) > 8 * sizes.parameters(fitted[mlp])
    trees = boosting(part.table, 0).set_params(max_iter=3, max_leaf_nodes=2)
    assert sizes.parameters(trees.fit(part.x_train, part.y_train)) == 3 * 3


def test_our_folder_is_what_counts_on_disk():
    class Saved:
        network_ = object()

        def save(self, folder):
            folder.mkdir()
            (folder / "a").write_bytes(b"12345")
            (folder / "b").write_bytes(b"123")

    assert sizes.saved_bytes(Saved()) == 8


def test_a_row_of_results(tiny):
    row = measure.measure("HGB", data.split(table(classes=True), 2))
    assert results.key(row) == ("HGB", "tiny", 2)
    assert row["score"] > 0.7
    assert 0 < row["log_loss"] < 1
    assert row["fit_s"] > 0
    assert row["predict_s"] > 0
    assert "log_loss" not in measure.measure("HGB", data.split(table(classes=False), 2))


def test_results_are_gone_on_with_and_the_last_of_a_key_counts(tiny, monkeypatch, tmp_path, capsys):
    calls = []

    def measured(name, part):
        calls.append((name, part.table.name, part.seed))
        if name == "TabM":
            raise ImportError("No module named 'pytabkit'")
        return {
            "estimator": name,
            "table": part.table.name,
            "split": part.seed,
            "score": float(len(calls)),
            "fit_s": 1.0,
            "predict_s": 1.0,
            "parameters": 10,
            "saved_bytes": 100,
        }

    monkeypatch.setattr(program, "measure", measured)
    monkeypatch.setattr(data, "NAMES", ("tiny",))
    out = tmp_path / "results.jsonl"
    run = ["--tables", "tiny", "--out", str(out), "--splits", "2", "--estimators", "HGB"]
    assert program.main([*run, "TabM"]) == 0
    # What is not installed is tried once and named.
    assert calls == [("HGB", "tiny", 0), ("TabM", "tiny", 0), ("HGB", "tiny", 1)]
    assert "TabM is left out: No module named 'pytabkit'" in capsys.readouterr().err
    assert program.main([*run, "--splits", "3"]) == 0
    assert calls[3:] == [("HGB", "tiny", 2)]
    assert program.main([*run, "--again"]) == 0
    assert [row["score"] for row in results.read(out).values()] == [5.0, 6.0, 4.0]
    assert len(out.read_text(encoding="utf-8").splitlines()) == 5
    calls.clear()
    assert program.main([*run, "--show"]) == 0
    assert calls == []
    assert "5.5000 ± 0.7071" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--estimators", "XGB"], "--estimators: expected some of linear, RF"),
        (["--tables", "iris"], "--tables: expected some of wine"),
        (["--splits", "0"], "--splits: expected at least 1, got 0"),
        (["--scale", "1e6x100"], "--scale: expected ROWSxCOLUMNS"),
        (["--scale", "100x2"], "--scale: expected at least 10 rows and 4 columns"),
    ],
)
def test_options_that_mean_nothing_are_refused(arguments, said, capsys):
    with pytest.raises(SystemExit) as raised:
        program.main(arguments)
    assert raised.value.code == 2
    assert said in capsys.readouterr().err


def test_a_file_that_holds_nothing_is_said(tmp_path, capsys):
    missing = tmp_path / "none.jsonl"
    assert program.main(["--show", "--out", str(missing)]) == 2
    assert f"{missing} holds none of these results" in capsys.readouterr().err
    missing.write_text(json.dumps([1]), encoding="utf-8")
    assert program.main(["--show", "--out", str(missing)]) == 2
    assert "line 1: expected results of the tables" in capsys.readouterr().err


def test_the_field_is_among_the_estimators():
    assert set(contestants.FIELD) <= set(contestants.MAKERS)
    assert len(data.NAMES) == 13
