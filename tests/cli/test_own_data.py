"""Predictions and evaluations of what a run was trained on, and of data that has moved."""

import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest


def write(path, count, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    x = np.random.default_rng(seed).normal(size=(count, 4))
    columns = {name: x[:, place] for place, name in enumerate("abcd")}
    pq.write_table(pa.table({**columns, "label": (x[:, 0] > 0).astype(int)}), path)


@pytest.fixture
def trained(qimlp, tmp_path):
    """A run on a named data set with a test part."""
    write(tmp_path / "data" / "points" / "train.parquet", 60)
    write(tmp_path / "data" / "points" / "test.parquet", 20, seed=1)
    options = ("--dims", "2x2,2x1", "--epochs", 2, "--threads", 1)
    where = ("--data-dir", tmp_path / "data", "--out", tmp_path / "runs")
    assert qimlp("train", "points", *options, *where).code == 0
    return next((tmp_path / "runs").glob("*/seed-0"))


def test_rows_of_training_are_announced(qimlp, tmp_path):
    write(tmp_path / "all.parquet", 60)
    options = ("--dims", "2x2,2x1", "--epochs", 2, "--threads", 1, "--out", tmp_path / "runs")
    assert qimlp("train", tmp_path / "all.parquet", *options).code == 0
    run = next((tmp_path / "runs").glob("*/seed-0"))
    done = qimlp("predict", run, tmp_path / "all.parquet", "--out", tmp_path / "out.csv")
    assert done.code == 0
    assert "most of these rows are those that the run was trained on" in done.out
    write(tmp_path / "new.parquet", 10, seed=2)
    new = qimlp("predict", run, tmp_path / "new.parquet", "--out", tmp_path / "new.csv")
    assert "trained on" not in new.out


def test_data_that_has_moved_is_named_anew(qimlp, trained, tmp_path):
    shutil.move(tmp_path / "data", tmp_path / "elsewhere")
    out = ("--out", tmp_path / "out.csv")
    lost = qimlp("predict", trained, "points", *out)
    assert lost.code == 2
    assert lost.err.count("\n") == 1
    there = ("--data-dir", tmp_path / "elsewhere")
    assert qimlp("predict", trained, "points", *out, *there).code == 0
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 21
    write(tmp_path / "new.parquet", 5, seed=3)
    other = ("--out", tmp_path / "new.csv")
    assert qimlp("predict", trained, tmp_path / "new.parquet", *other).code == 0
    assert qimlp("eval", trained, *there).code == 0


def test_columns_that_an_evaluation_leaves_out_are_said_beside_its_json(qimlp, trained, tmp_path):
    table = pq.read_table(tmp_path / "data" / "points" / "test.parquet")
    pq.write_table(table.append_column("more", pa.array([0.0] * 20)), tmp_path / "wide.parquet")
    done = qimlp("eval", trained, tmp_path / "wide.parquet", "--json")
    assert done.code == 0
    assert json.loads(done.out)["examples"] == 20
    assert "left out 'more'" in done.err


def test_after_divergence_the_message_says_what_to_do(qimlp, tmp_path):
    write(tmp_path / "all.parquet", 60)
    options = ("--dims", "2x2,2x1", "--epochs", 2, "--threads", 1, "--out", tmp_path / "runs")
    done = qimlp("train", tmp_path / "all.parquet", *options, "--lr", 1e30)
    assert done.code == 2
    assert "a smaller learning rate: --lr 3.3e+29 --overwrite" in done.err
    again = qimlp("train", tmp_path / "all.parquet", *options, "--lr", 0.01, "--overwrite")
    assert again.code == 0
