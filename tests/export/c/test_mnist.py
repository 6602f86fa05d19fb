"""All test images of MNIST in C, against float64 torch."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from benchmarks.export.exactness import main
from qimlp import QiMLP
from qimlp.data import Scaling, patch_order
from qimlp.predictor import Features, Predictor
from qimlp.tasks import Classification
from tests.export.c.compiled import compiler

NETWORKS = {
    "2b": lambda: QiMLP([(28, 28), (28, 28), (28, 28), (2, 5)]),
    "3b rank 4": lambda: QiMLP([(7, 7, 16)] * 3 + [(1, 2, 5)], rank=4),
}


@pytest.mark.needs_data
@pytest.mark.parametrize("real_data", ["mnist"], indirect=True)
@pytest.mark.parametrize("name", NETWORKS)
def test_every_class_is_that_of_float64(name: str, real_data: Path, tmp_path: Path) -> None:
    compiler()
    network = NETWORKS[name]().eval()
    with torch.no_grad():
        for parameter in network.parameters():  # no bias is 0
            if parameter.ndim == 1:
                parameter.normal_()
    order = tuple(patch_order((28, 28), (7, 7, 16)).tolist()) if name.startswith("3b") else None
    scaling = Scaling("standardize", 784, (33.3,), (78.6,))
    task = Classification(tuple("0123456789"))
    Predictor(network, task, Features(order=order), scaling, (28, 28)).save(tmp_path / "saved")
    options = ["--data-dir", str(real_data.parent), "--json", str(tmp_path / "found.json")]
    assert main(["--runs", str(tmp_path / "saved"), *options]) == 0
    found = json.loads((tmp_path / "found.json").read_text())["rows"][0]
    assert found["images"] == 10_000
    assert found["error"] < 2e-6
    assert found["same"] == 1
