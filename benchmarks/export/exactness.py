"""Exported C in single precision against float64 torch: `-m benchmarks.export.exactness`.

All test images of MNIST, through networks that are trained for a moment or read from runs.
"""

from __future__ import annotations

import argparse
import copy
import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from benchmarks.report import described, print_table, save, verdict
from qimlp.bench.environment import processor
from qimlp.data import load
from qimlp.export import to_c
from qimlp.export.describe import describe
from qimlp.predictor import Predictor
from qimlp.training import fit, resolve_settings

NETWORKS: dict[str, dict[str, Any]] = {
    "2b": {"rank": 1},
    "3b": {"rank": 4, "order": "patches"},
    "4b": {"rank": 4, "order": "patches"},
    "mlp": {},
}
"""Models and what is set beside their defaults."""
_MOST_ERROR = 2e-6


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.export.exactness",
        description="Exported C in single precision against float64 torch.",
    )
    parser.add_argument("--data-dir", help="folder of mnist; default: QIMLP_DATA")
    parser.add_argument(
        "--runs", nargs="+", type=Path, metavar="RUN", help="run folders to take, not to train"
    )
    parser.add_argument("--epochs", type=int, default=1, help="of training (default: 1)")
    parser.add_argument("--images", type=int, default=10_000, help="test images (default: all)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there too")
    given = parser.parse_args(arguments)
    if shutil.which("gcc") is None:
        print("Nothing is measured: no gcc on this machine")
        return 0
    torch.set_num_threads(1)
    images = load("mnist", data_dir=given.data_dir, streaming=False).test.inputs[: given.images]
    where = {"device": processor(), "threads": 1, "torch": torch.__version__}
    rows = []
    with TemporaryDirectory() as folder:
        for number, run in enumerate(given.runs or _trained(given, Path(folder) / "runs")):
            rows.append(measured(run, Path(folder) / f"c{number}", images.numpy()))
    print(f"C in single precision, {len(images):,} images: {described(where)}\n")
    table = [
        (
            row["network"],
            f"{row['error']:.1e}",
            f"{row['same']:.2%}",
            verdict(row["error"] <= _MOST_ERROR and row["same"] == 1),
        )
        for row in rows
    ]
    print_table(("network", "largest error", "same class", ""), table)
    save(given.json, "export-exactness", where, rows)
    return 0


def _trained(given: argparse.Namespace, folder: Path) -> list[Path]:
    common = {"data": "mnist", "epochs": given.epochs, "device": "cpu", "threads": 1}
    if given.data_dir is not None:
        common["data_dir"] = given.data_dir
    return [
        fit(resolve_settings({**common, "model": model, **more}), out=folder / model).folder
        for model, more in NETWORKS.items()
    ]


def measured(run: Path, folder: Path, images: np.ndarray) -> dict[str, Any]:
    """Export a run's network and compare its answers.

    Args:
        run: Folder of the run.
        folder: To export to.
        images: Of shape (n, 784), bytes.

    Returns:
        The largest error of an image, relative to its largest logit, and how often the class is
        the same.
    """
    predictor = Predictor.load(run, device="cpu")
    to_c(predictor, folder, name="net")
    library = folder / "net.so"
    command = ["gcc", "-std=c99", "-O2", "-shared", "-fPIC", "-o", library, folder / "net.c"]
    subprocess.run(command, check=True)
    predict = ctypes.CDLL(os.fspath(library)).net_predict
    exact = copy.deepcopy(predictor.network).double()
    description = describe(predictor)
    with torch.inference_mode():
        scaled = torch.from_numpy(description.inputs(images))
        wanted = torch.cat([exact(part) for part in scaled.split(1000)]).numpy()
    found = np.empty(wanted.shape, np.float32)
    for image, out in zip(np.ascontiguousarray(images), found, strict=True):
        predict(ctypes.c_void_p(image.ctypes.data), ctypes.c_void_p(out.ctypes.data))
    error = np.abs(found - wanted).max(axis=1) / np.abs(wanted).max(axis=1)
    same = found.argmax(axis=1) == wanted.argmax(axis=1)
    return {
        "network": f"{description.layers[0].shape}, {len(description.layers)} layers",
        "images": len(images),
        "error": float(error.max()),
        "same": float(same.mean()),
    }


if __name__ == "__main__":
    sys.exit(main())
