"""Several processes find what one process finds with the same global batch."""

import json
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from qimlp.training import fit, resolve_settings
from tests.distributed.conftest import places
from tests.tiny_runs import write_tiny

CASES = {
    # 80 training rows in batches of 12, the last of 8: even parts.
    "float64": {"dims": "4x4,4x4,3x1", "batch_size": 12, "dtype": "float64"},
    # The last batch holds 2 rows, so that of four processes two have none.
    "uneven": {"dims": "4x4,4x4,3x1", "batch_size": 52, "dev_fraction": 0.46},
    "balanced": {"dims": "4x4,3x1", "batch_size": 28, "class_weights": "balanced"},
    "dense": {"model": "mlp", "batch_size": 28, "dropout": 0.0},
    "average": {"dims": "4x4,3x1", "batch_size": 28, "ema_decay": 0.9},
    "restarts": {"dims": "4x4,3x1", "batch_size": 28, "restarts": 2},
    "table": {"model": "table", "steps": 12, "dropout": 0.0},
    "table64": {"model": "table", "steps": 12, "dropout": 0.0, "dtype": "float64"},
}


def table(path: Path) -> Path:
    random = np.random.default_rng(0)
    rows = ["x,colour,y"]
    for _ in range(101):
        x, colour = random.normal(), random.choice(["red", "green", "blue"])
        rows.append(f"{x:.4f},{colour},{x * (colour == 'red') + random.normal() / 9:.4f}")
    path.write_text("\n".join(rows))
    return path


def fit_all(file: str, out: str) -> None:
    """Train by each of the settings in a file, into folders by their names."""
    for name, given in json.loads(Path(file).read_text()).items():
        fit(resolve_settings(given), out=Path(out, name))


def trained(out: Path) -> tuple[dict[str, torch.Tensor], list[dict[str, float]]]:
    """Weights and epochs of the one run in a folder."""
    (state,) = out.glob("*/seed-0/last/state.safetensors")
    tensors = safetensors.torch.load_file(state)
    kept = {name: t for name, t in tensors.items() if name.startswith(("model.", "best."))}
    lines = (state.parents[1] / "metrics.jsonl").read_text().splitlines()
    return kept, [json.loads(line) for line in lines]


def require_same(found: Path, wanted: Path, tolerance: float) -> None:
    (weights, epochs), (own, own_epochs) = trained(found), trained(wanted)
    assert weights.keys() == own.keys()
    for name, tensor in own.items():
        torch.testing.assert_close(weights[name], tensor, rtol=tolerance, atol=tolerance)
    assert len(epochs) == len(own_epochs) > 0
    for epoch, other in zip(epochs, own_epochs, strict=True):
        assert epoch["train_loss"] == pytest.approx(other["train_loss"], rel=1e-5)
        assert epoch["best"] == other["best"]


@pytest.fixture(scope="module")
def folders(module_starter, tmp_path_factory):
    """Every case, trained by one, two and four processes."""
    folder = tmp_path_factory.mktemp("agreement")
    # 65 training rows are fewer than the table network's batch: every step has them all.
    csv, tiny = table(folder / "table.csv"), write_tiny(folder / "tiny.npz")
    common = {"epochs": 3, "log_every": 3, "device": "cpu"}
    chosen = {
        name: {"data": str(csv if "table" in name else tiny), **common, **case}
        for name, case in CASES.items()
    }
    (folder / "cases.json").write_text(json.dumps(chosen))
    for size in (1, 2, 4):
        call = ["call", "tests.distributed.test_agreement:fit_all"]
        argv = [*call, str(folder / "cases.json"), str(folder / str(size))]
        codes = module_starter.run(argv, places(size), 300)
        assert codes == [0] * size, module_starter.said(0)
    return folder


@pytest.mark.parametrize("size", [2, 4])
@pytest.mark.parametrize("case", CASES)
def test_several_processes_find_what_one_finds(case, size, folders):
    tolerance = 1e-6 if case == "float64" else 1e-5
    require_same(folders / str(size) / case, folders / "1" / case, tolerance)
