"""The comparison on many rows: the made table, one fit, what is judged."""

import json

import numpy as np
import pytest

from benchmarks.tables import __main__ as program
from benchmarks.tables import scale


def test_a_made_table_is_the_same_function_of_a_row_for_every_seed(monkeypatch):
    x, y = scale.make_data(4000, 5, classes=0, dtype="float64", seed=0)
    other, _ = scale.make_data(4000, 5, classes=0, dtype="float64", seed=1)
    assert not np.allclose(x, other)
    monkeypatch.setattr(scale, "_BLOCK_ROWS", 4000)
    again, _ = scale.make_data(4000, 5, classes=2, dtype="float32", seed=0)
    assert again.dtype == np.float32
    assert np.allclose(again, x, atol=1e-6)
    weights = np.random.default_rng(0).normal(size=5) / np.sqrt(5)
    signal = x @ weights + x[:, 0] * x[:, 1] + np.sin(2 * x[:, 2]) + np.abs(x[:, 3])
    assert (y - signal).std() == pytest.approx(0.3, rel=0.05)


@pytest.mark.parametrize("text", ["1000", "10x", "axb", "9x5", "10x3", "10x5x2"])
def test_shapes_that_are_none_are_refused(text):
    with pytest.raises(ValueError, match=r"expected .*got " + text):
        scale.parse_shape(text)


def test_one_fit_is_measured(capsys):
    assert scale._child(["HGB", "3000x5", "2", "float64"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert (row["rows"], row["columns"], row["data_bytes"]) == (3000, 5, 3000 * 5 * 8)
    assert row["task"] == "classification"
    assert row["score"] > 0.75
    assert 0 < row["fit_s"] < 60


def test_time_and_memory_have_to_be_met(monkeypatch, capsys):
    fits = {"HGB": (2.0, 300), "qimlp": (1.9, 100)}

    class Ran:
        returncode = 0

    def ran(command, **_):
        name, classes = command[3], int(command[5])
        if name == "TabM":
            Ran.returncode = 1
            return Ran
        fit_s, extra = fits[name]
        task = "classification" if classes else "regression"
        row = {"estimator": name, "task": task, "wall_s": 1.0, "score": 0.5, "data_bytes": 100}
        Ran.returncode, Ran.stdout = 0, json.dumps({**row, "fit_s": fit_s, "extra_bytes": extra})
        return Ran

    monkeypatch.setattr(scale.subprocess, "run", ran)
    assert program.main(["--scale", "1000x5"]) == 0
    assert capsys.readouterr().out.count("no slower than HGB, at most 1x: met") == 2
    fits["qimlp"] = (2.1, 100)
    assert program.main(["--scale", "1000x5"]) == 0
    assert capsys.readouterr().out.count("at most 1x: NOT met") == 2
    fits["qimlp"] = (1.0, 101)
    assert program.main(["--scale", "1000x5"]) == 0
    assert capsys.readouterr().out.count("at most 1x: NOT met") == 2
    assert program.main(["--scale", "1000x5", "--estimators", "TabM"]) == 1
    assert "TabM: no result, its process ended with 1" in capsys.readouterr().out
