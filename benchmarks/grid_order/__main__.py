"""Pixels of MNIST shuffled: does an order find their grid again? `-m benchmarks.grid_order`.

The 784 pixels are features in a random order, the same in all examples. The two-body network
(28 x 28, 3,451 parameters) is trained as `qimlp train mnist` trains it, on the features as they
come, in spectral order, on the learned grid, and on the true grid.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks import report
from qimlp.bench.environment import setting
from qimlp.data import DataSet, grid_order, load
from qimlp.training import fit, load_run, resolve_settings
from qimlp.training.comparison.grid import plot_grid

_SIDE = 28
_HEADER = ("order", "accuracy", "least", "most", "neighbours", "seconds")
WAYS = (("none", False), ("spectral", False), ("grid", False), ("none", True))
"""Settings of `order`, and whether the pixels stay on their true grid."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.grid_order", description="Learn the grid of shuffled pixels."
    )
    parser.add_argument("--data-dir", help="folder of mnist; default: QIMLP_DATA")
    parser.add_argument("--seeds", type=int, default=3, help="permutations and seeds (default: 3)")
    parser.add_argument("--epochs", type=int, help="default: as the recipe says")
    parser.add_argument("--figure", type=Path, metavar="FILE", help="picture of the first grid")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there too")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    images = load("mnist", data_dir=given.data_dir, streaming=False)
    rows: list[dict[str, Any]] = []
    for seed in range(given.seeds):
        for order, true in WAYS:
            rows.append(_measured(images, seed, order, true, given.epochs))
            print(f"seed {seed}, {order}: {rows[-1]['accuracy']}", file=sys.stderr, flush=True)
    if given.figure is not None:
        learned = next(row["placed"] for row in rows if row["order"] == "grid")
        inputs = images.train.inputs[:, torch.tensor(learned)].float()
        inputs = (inputs - inputs.mean()) / inputs.std()
        plot_grid(inputs, images.train.labels, images.task, (_SIDE, _SIDE), given.figure)
    where = setting(torch.device("cpu"), torch.float32, given.seeds)
    print("Shuffled pixels of MNIST: " + report.described(where))
    print("Neighbours: pairs of pixels side by side that are so on the learned grid, too.\n")
    report.print_table(_HEADER, [_line(rows, order, true) for order, true in WAYS])
    report.save(given.json, "grid_order", where, rows)
    return 0


def _measured(
    images: DataSet, seed: int, order: str, true: bool, epochs: int | None
) -> dict[str, Any]:
    """Train once; the permutation is that of the seed."""
    random = torch.Generator().manual_seed(1000 + seed)
    shuffled = torch.randperm(_SIDE**2, generator=random)
    pixels = torch.arange(_SIDE**2) if true else shuffled
    with TemporaryDirectory() as folder:
        path = _write(images, pixels, Path(folder) / "mnist.npz")
        chosen = {"data": str(path), "model": "2b", "order": order, "seed": seed}
        more = {} if epochs is None else {"epochs": epochs}
        settings = resolve_settings({**chosen, **more, "device": "cpu", "threads": 1})
        result = fit(settings, out=Path(folder) / "runs")
        found = load_run(result.folder, device="cpu").predictor.features.order
    placed = pixels if found is None else pixels[torch.tensor(found)]
    start = time.process_time()
    if order == "grid":
        grid_order(images.train.inputs[:48_000, pixels], (_SIDE, _SIDE), centre=True)
    return {
        "placed": placed.tolist(),
        "order": "true grid" if true else order,
        "seed": seed,
        "accuracy": result.test["accuracy"],
        "neighbours": _kept(images.train.inputs, placed),
        "seconds": time.process_time() - start,
    }


def _write(images: DataSet, pixels: Tensor, path: Path) -> Path:
    arrays = {}
    for part, split in (("train", images.train), ("test", images.test)):
        arrays[f"x_{part}"] = split.inputs[:, pixels].numpy()
        arrays[f"y_{part}"] = split.labels.numpy()
    np.savez(path, **arrays)
    return path


def _kept(inputs: Tensor, placed: Tensor) -> float:
    """Share of the sides between pixels that vary that are sides of the learned grid, too."""
    cells = torch.stack((placed // _SIDE, placed % _SIDE), dim=-1).view(_SIDE, _SIDE, 2)
    varies = (inputs != inputs[:1]).any(dim=0)
    kept = 0
    for here, there in ((cells[1:], cells[:-1]), (cells[:, 1:], cells[:, :-1])):
        beside = (here - there).abs().sum(dim=-1) == 1
        both = varies[here @ torch.tensor([_SIDE, 1])] & varies[there @ torch.tensor([_SIDE, 1])]
        kept += int((beside & both).sum())
    grid = varies.view(_SIDE, _SIDE)
    return kept / int((grid[1:] & grid[:-1]).sum() + (grid[:, 1:] & grid[:, :-1]).sum())


def _line(rows: list[dict[str, Any]], order: str, true: bool) -> list[str]:
    name = "true grid" if true else order
    chosen = [row for row in rows if row["order"] == name]
    accuracies = [row["accuracy"] for row in chosen]
    neighbours = sum(row["neighbours"] for row in chosen) / len(chosen)
    seconds = sum(row["seconds"] for row in chosen) / len(chosen)
    return [
        name,
        f"{sum(accuracies) / len(accuracies):.4f}",
        f"{min(accuracies):.4f}",
        f"{max(accuracies):.4f}",
        f"{neighbours:.3f}",
        f"{seconds:.0f}" if order == "grid" else "-",
    ]


if __name__ == "__main__":
    sys.exit(main())
