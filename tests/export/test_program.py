"""A program of torch.export answers raw rows as the predictor does, without qimlp."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from qimlp.data import Scaling
from qimlp.export.program import to_program
from tests.export.subjects import NETWORKS, TASKS, frame, subject, table_subject

ALONE = """
import sys
import numpy as np, torch
sys.modules["qimlp"] = None  # an import of it fails
program = torch.export.load(sys.argv[1]).module()
rows = np.load(sys.argv[2])
found = program(*(torch.from_numpy(rows[name]) for name in rows))
np.savez(sys.argv[3], **{name: value.numpy() for name, value in found.items()})
"""


def alone(tmp_path, **inputs):
    """Run a program in a process of its own, where there is no qimlp."""
    np.savez(tmp_path / "in.npz", **inputs)
    files = (tmp_path / "out/qimlp_network.pt2", tmp_path / "in.npz", tmp_path / "out.npz")
    command = [sys.executable, "-W", "ignore", "-c", ALONE, *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    return dict(np.load(tmp_path / "out.npz"))


def close(found, wanted):
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6 * max(1.0, np.abs(wanted).max()))


def run(folder, *inputs):
    program = torch.export.load(folder / "qimlp_network.pt2").module()
    return {key: value.numpy() for key, value in program(*map(torch.from_numpy, inputs)).items()}


@pytest.mark.parametrize("name", ["two bodies", "four bodies", "low rank"])
def test_networks(name, tmp_path):
    scaling = Scaling("standardize", 12, tuple(map(float, range(12))), (0.5, 2.0) * 6)
    predictor = subject(NETWORKS[name](), order=(*range(6, 12), *range(6)), scaling=scaling)
    to_program(predictor, tmp_path / "out")
    for rows in (1, 2, 50):
        x = np.random.default_rng(0).normal(5, 3, size=(rows, 12)).astype(np.float32)
        close(run(tmp_path / "out", x)["probabilities"], predictor.predict_proba(x))


@pytest.mark.parametrize("task", [TASKS["classes"], TASKS["quantiles"]])
def test_a_table_in_a_process_without_qimlp(task, tmp_path):
    table = frame()
    predictor = table_subject(table, task)
    report = to_program(predictor, tmp_path / "out")
    known = json.loads((tmp_path / "out/qimlp_network.json").read_text())
    assert known["inputs"][1]["dtype"] == "int64"
    codes = [
        [known["categories"][name].get(str(value), 0) for value in table[name]]
        for name in known["inputs"][1]["columns"]
    ]
    numbers = table[known["inputs"][0]["columns"]].to_numpy(np.float64)
    found = alone(tmp_path, numbers=numbers, categories=np.array(codes).T)
    close(
        list(found.values())[-1], predictor.answers(predictor.features.table.apply(table)).numpy()
    )
    assert list(found) == [output["name"] for output in report.details["outputs"]]
    assert "a .pt2 file can run code" in str(report)


def test_what_cannot_be_exported_leaves_nothing(tmp_path):
    broken = subject(NETWORKS["dense"]())
    with torch.no_grad():
        broken.network.layers[0].weight[0, 0] = float("inf")
    with pytest.raises(ValueError, match="not finite; train it anew"):
        to_program(broken, tmp_path / "out")
    assert not list(tmp_path.iterdir())
