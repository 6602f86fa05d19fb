"""Regression on real tables as the command does it by itself, on test rows chosen by a seed."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from qimlp.cli.app import run

pytestmark = [
    pytest.mark.needs_data,
    pytest.mark.timeout(1800),
    pytest.mark.parametrize("real_data", ["tables"], indirect=True),
]


def reached(table, folder, *options, split_seed=1):
    """Set a fifth of the rows aside, train, and give R2 on them."""
    rows = pq.read_table(table)
    order = np.random.default_rng(split_seed).permutation(len(rows))
    cut = len(rows) // 5
    data = folder / table.stem
    data.mkdir()
    pq.write_table(rows.take(order[cut:]), data / "train-0.parquet")
    pq.write_table(rows.take(order[:cut]), data / "test-0.parquet")
    named = ("train", data, "--label-column", "target", "--task", "regression", "--threads", 1)
    arguments = [*named, "--device", "cpu", *options, "--out", folder / "runs"]
    assert run([str(argument) for argument in arguments]) == 0
    (file,) = (folder / "runs").rglob("result.json")
    return json.loads(file.read_text())["test"]["r2"]


@pytest.mark.parametrize(("name", "promised"), [("concrete", 0.89), ("bike", 0.93)])
def test_the_promised_r2(real_data, tmp_path, name, promised):
    assert reached(real_data / f"{name}.parquet", tmp_path) >= promised


def test_a_few_epochs_on_many_rows(real_data, tmp_path):
    assert reached(real_data / "diamonds.parquet", tmp_path, "--epochs", 4) >= 0.97


@pytest.mark.slow
@pytest.mark.parametrize("model", ["2b", "mlp"])
@pytest.mark.parametrize(
    ("name", "promised"), [("concrete", 0.89), ("bike", 0.93), ("diamonds", 0.985)]
)
def test_both_networks_reach_it(real_data, tmp_path, name, promised, model):
    assert reached(real_data / f"{name}.parquet", tmp_path, "--model", model) >= promised
