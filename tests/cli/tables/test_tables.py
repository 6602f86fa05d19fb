"""Tables as people have them, from the command line: what is left out, shifted and said."""

import csv
import json

import numpy as np
import pandas as pd
import pytest

ROWS = 400
SMALL = np.random.default_rng(0).normal(size=(ROWS, 2))
LABELS = np.where(SMALL[:, 0] > SMALL[:, 1], "up", "down")
OPTIONS = ("--epochs", 30, "--lr", 0.02, "--batch-size", 20, "--device", "cpu", "--model", "mlp")


def write(path, values, **more):
    if path.suffix == ".npz":
        np.savez(path, x=values, y=LABELS)
        return
    frame = pd.DataFrame({"a": values[:, 0], "b": values[:, 1], **more, "label": LABELS})
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path, index=False)


def train(qimlp, path, *options) -> str:
    done = qimlp("train", path, *OPTIONS, *options, "--out", path.parent / "runs")
    assert done.code == 0, done.err
    return done.out


def run_of(path):
    return next((path.parent / "runs").rglob("settings.json")).parent


@pytest.mark.parametrize("name", ["t.csv", "t.npz", "t.parquet", "streamed.parquet"])
def test_large_numbers_are_learned_as_if_they_were_centred(qimlp, tmp_path, name):
    options = ["--streaming"] if name.startswith("streamed") else []
    reached = {}
    for middle in (0, 1_700_000_000):
        path = tmp_path / str(middle) / name
        path.parent.mkdir()
        write(path, SMALL + middle)
        train(qimlp, path, *options)
        out = path.with_name("p.csv")
        assert qimlp("predict", run_of(path), path, "--out", out, "--device", "cpu").code == 0
        with out.open() as file:
            predicted = [row["label"] for row in csv.DictReader(file)]
        reached[middle] = np.mean(np.array(predicted) == LABELS)
    assert reached[0] > 0.95
    assert reached[1_700_000_000] == pytest.approx(reached[0], abs=0.03)


def test_left_out_columns_are_said_once(qimlp, tmp_path):
    path = tmp_path / "t.csv"
    write(path, SMALL, id=np.arange(ROWS), name="x", c=0.0)
    printed = train(qimlp, path, "--drop-column", "name", "--drop-column", "c", "--seeds", "0,1")
    assert printed.count("left out 'id', which counts rows (0, 1, 2, ...)") == 1
    prepared = json.loads((run_of(path) / "preprocess.json").read_text())
    assert prepared["feature_names"] == ["a", "b"]
    new = tmp_path / "new.csv"
    new.write_text("b,z,a\n1,2,3\n")
    done = qimlp("predict", run_of(path), new, "--out", tmp_path / "p.csv", "--device", "cpu")
    assert done.code == 0, done.err
    assert "left out 'z', not among the columns of training" in done.out
    new.write_text("b,z\n1,2\n")
    done = qimlp("predict", run_of(path), new, "--out", tmp_path / "q.csv", "--device", "cpu")
    assert done.code == 2
    assert "new.csv: its columns differ from the training data's: missing 'a'" in done.err


def test_imbalance_is_said(qimlp, tmp_path):
    path = tmp_path / "t.csv"
    rows = "".join(
        f"{a:.4f},{'rare' if row % 40 == 0 else 'usual'}\n" for row, (a, _) in enumerate(SMALL)
    )
    path.write_text("a,label\n" + rows)
    printed = train(qimlp, path)
    assert "of the training rows are of class 'usual': always answering it has an" in printed
