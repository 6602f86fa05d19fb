"""Runs trained today give the numbers that were recorded before."""

import json
from pathlib import Path

import numpy as np
import pytest

from qimlp.cli.app import run

RECORDED = Path(__file__).with_name("recorded_runs.json")
REL = 1e-5  # other instruction sets round differently; a wrong step is off by far more
DIGITS = ("digits", "--model", "2b", "--dims", "8x8,4x4,2x5", "--epochs", "3")
FLOWERS = (
    *("flowers.csv", "--label-column", "kind", "--epochs", "5", "--batch-size", "10"),
    *("--lr", "0.02"),
)
LOOSE = {"full-matrix": 0.01}  # AdamW itself is off by more: see the test below
RUNS = {
    "plain": (*DIGITS, "--ema-decay", "off", "--schedule", "constant", "--label-smoothing", "0"),
    "average": (*DIGITS, "--ema-decay", "0.95"),
    # A linear network: of a Kronecker one the full matrix enlarges directions without gradient, in
    # which there is nothing but rounding, and other processors are off by some per cent; here by
    # some per mille.
    "full-matrix": (*FLOWERS, "--model", "mlp", "--dims", "4,3", "--optimizer", "full-matrix"),
    "starts": (*DIGITS, "--starts", "3", "--start-epochs", "1"),
    "decay": (*DIGITS, "--weight-decay", "0.3", "--factor-lr-scale", "1", "--schedule", "cosine"),
    "float64": (*DIGITS, "--dtype", "float64", "--rank", "2", "--bias", "dense"),
    "nearest-order": (
        *("digits", "--model", "2b", "--dims", "8x8,2x5", "--rank", "2", "--epochs", "2"),
        *("--start", "ridge", "--order", "nearest"),
    ),
    "mlp": ("digits", "--model", "mlp", "--dims", "64,16,10", "--epochs", "3"),
    "low-rank": ("digits", "--model", "low-rank", "--rank", "3", "--epochs", "2"),
    # So does Adam with the Kronecker bias of such small sizes.
    "csv": (*FLOWERS, "--dims", "2x2,2x2,1x3", "--bias", "dense"),
}


def write_flowers(path: Path) -> None:
    """Three overlapping classes with names, from sines: the same file everywhere."""
    lines = ["a,b,c,d,kind"]
    for i in range(180):
        values = np.sin(np.arange(1, 5) * (i * 0.37 + 1.0)) + 0.9 * np.cos(np.arange(4) + i % 3)
        lines.append(",".join(f"{v:.3f}" for v in values) + f",{('iris', 'rose', 'lily')[i % 3]}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def measure(name: str, folder: Path) -> dict[str, object]:
    """Train a run from the command line; what it wrote of every epoch, and its result."""
    write_flowers(folder / "flowers.csv")
    arguments = ["train", *RUNS[name], "--device", "cpu", "--threads", "1"]
    arguments = [str(folder / a) if a.endswith(".csv") else a for a in arguments]
    assert run([*arguments, "--out", str(folder / "runs")]) == 0
    (metrics,) = folder.glob("runs/*/seed-0/metrics.jsonl")
    epochs = [json.loads(line) for line in metrics.read_text(encoding="utf-8").splitlines()]
    result = json.loads((metrics.parent / "result.json").read_text(encoding="utf-8"))
    return {
        **{key: [epoch[key] for epoch in epochs] for key in ("train_loss", "lr")},
        **{f"dev_{key}": [epoch["dev"][key] for epoch in epochs] for key in ("loss", "accuracy")},
        **{f"test_{key}": result["test"][key] for key in ("loss", "accuracy")},
        **{key: result[key] for key in ("best_epoch", "parameters")},
    }


@pytest.mark.parametrize("name", RUNS)
def test_a_run_gives_what_was_recorded(name, tmp_path):
    expected = json.loads(RECORDED.read_text(encoding="utf-8"))[name]
    found = measure(name, tmp_path)
    assert found["parameters"] == expected["parameters"]
    assert found["best_epoch"] == expected["best_epoch"]
    for key in ("lr", "train_loss", "dev_loss", "test_loss"):
        assert found[key] == pytest.approx(expected[key], rel=LOOSE.get(name, REL)), key
    edge = 0.04 if "flowers.csv" in RUNS[name] else 0.005
    for key in ("dev_accuracy", "test_accuracy"):
        # One example on the edge between two classes may fall to the other side.
        assert found[key] == pytest.approx(expected[key], abs=edge), key


def test_the_loose_bound_tells_the_optimizers_apart(tmp_path, monkeypatch):
    expected = json.loads(RECORDED.read_text(encoding="utf-8"))["full-matrix"]["dev_loss"][-1]
    monkeypatch.setitem(RUNS, "full-matrix", (*RUNS["full-matrix"], "--optimizer", "adamw"))
    found = measure("full-matrix", tmp_path)["dev_loss"][-1]
    assert found != pytest.approx(expected, rel=2 * LOOSE["full-matrix"])


def test_all_recorded_runs_are_compared():
    assert json.loads(RECORDED.read_text(encoding="utf-8")).keys() == RUNS.keys()
    assert len(RUNS) == 10


def record(folder: Path) -> None:
    """Write the file anew: `python -c "...record(Path(...))"`, only if numbers are meant to change.

    Args:
        folder: An empty folder to train in.
    """
    lines = []
    for name in RUNS:
        (folder / name).mkdir()
        lines.append(f"{json.dumps(name)}: {json.dumps(measure(name, folder / name))}")
    RECORDED.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
