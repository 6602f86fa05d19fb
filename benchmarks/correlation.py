"""How long the analysis of strong correlation takes, and what it needs.

Three tables: the whole analysis, baselines included, of the paper's two-body networks on their test
images, each in a process of its own; the same with fewer samples; the exact nearest product state
against the gradient fit. Networks are freshly drawn: their weights do not change the work. Images
are read from the folder that QIMLP_DATA names; random vectors stand in without it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.report import described, print_table, save, verdict
from qimlp import QiMLP
from qimlp.bench.environment import processor
from qimlp.bench.formatting import seconds
from qimlp.bench.memory import peak_resident_bytes
from qimlp.correlation import analyze, fitted_product, nearest_product
from qimlp.shapes import PAPER_NETWORKS

_NETWORKS = {"mnist": ((28, 28), "kronecker"), "cifar10": ((3, 32, 32), "dense")}
_SAMPLES = 10_000
_MOST_SECONDS, _MOST_BYTES, _LEAST_SPEEDUP = 30.0, 2**30, 1000.0
_ONE_BY_ONE = 5  # rows fitted alone, to tell what a fit sample by sample takes


def main() -> int:
    """Measure, print the tables, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.correlation", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--threads", type=int, default=2, help="CPU threads (default: 2)")
    parser.add_argument(
        "--fit-rows", type=int, default=_SAMPLES, help="rows of the gradient fit; minutes for all"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results too")
    parser.add_argument("--only", choices=("analysis", "product"), help="one of the parts")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    if given.child:
        print(json.dumps(_analysis(given.child[0], int(given.child[1]))))
        return 0
    where = {"device": processor(), "threads": given.threads, "torch": torch.__version__}
    print("Strong correlation: " + described(where) + "\n")
    rows = [] if given.only == "product" else _analyses(given.threads)
    rows += [] if given.only == "analysis" else _products(given.fit_rows)
    save(given.json, "correlation", where, rows)
    return 0


def _analyses(threads: int) -> list[dict[str, Any]]:
    rows = []
    for name in _NETWORKS:
        for samples in (_SAMPLES // 4, _SAMPLES // 2, _SAMPLES):
            command = [sys.executable, "-m", "benchmarks.correlation", "--threads", str(threads)]
            ran = subprocess.run(
                [*command, "--child", name, str(samples)],
                check=True,
                stdout=subprocess.PIPE,
                text=True,
            )
            rows.append(json.loads(ran.stdout))
    print_table(
        ("network", "images", "samples", "layers", "wall", "CPU", "per sample", "peak", "wanted"),
        [
            (
                row["network"],
                row["images"],
                f"{row['samples']:,}",
                str(row["layers"]),
                seconds(row["wall_s"]),
                seconds(row["cpu_s"]),
                seconds(row["cpu_s"] / row["samples"]),
                _mebibytes(row["peak_bytes"]),
                _wanted(row),
            )
            for row in rows
        ],
    )
    print("\nPeak: of the whole process, libraries and images included.\n")
    return rows


def _wanted(row: dict[str, Any]) -> str:
    if row["samples"] != _SAMPLES:
        return ""
    met = row["wall_s"] < _MOST_SECONDS and (row["peak_bytes"] or 0) < _MOST_BYTES
    return f"30 s, 1 GiB: {verdict(met)}"


def _mebibytes(count: int | None) -> str:
    return "not told" if count is None else f"{count / 2**20:.0f} MiB"


def _analysis(name: str, samples: int) -> dict[str, Any]:
    """Analyse one network; called in a process of its own."""
    model, inputs, images = _network(name), *_inputs(name, samples)
    wall, cpu = time.perf_counter(), time.process_time()
    report = analyze(model, inputs.split(500))
    return {
        "network": f"{name} two-body",
        "images": images,
        "samples": report.samples,
        "layers": len(model.kronecker_layers) - 1,
        "wall_s": time.perf_counter() - wall,
        "cpu_s": time.process_time() - cpu,
        "peak_bytes": peak_resident_bytes(),
    }


def _network(name: str) -> QiMLP:
    torch.manual_seed(0)
    return QiMLP(PAPER_NETWORKS[name][2], bias=_NETWORKS[name][1])


def _inputs(name: str, samples: int) -> tuple[Tensor, str]:
    """Scaled test images and what they are."""
    shape = _NETWORKS[name][0]
    root = os.environ.get("QIMLP_DATA")
    if root:
        from qimlp.data import load_inputs  # noqa: PLC0415 - needs the [train] extra

        images = load_inputs(name, shape, data_dir=root).inputs[:samples]
        return images.float() / 127.5 - 1, "real"
    size = torch.Size(shape).numel()
    return torch.randn(samples, size, generator=torch.Generator().manual_seed(0)), "random"


def _products(fit_rows: int) -> list[dict[str, Any]]:
    torch.set_num_threads(1)
    inputs, images = _inputs("mnist", _SAMPLES)
    with torch.no_grad():
        outputs = _network("mnist").layers[:2](inputs)
    exact, exact_s = _timed(lambda: nearest_product(outputs, (28, 28)))
    fitted, fitted_s = _timed(lambda: fitted_product(outputs[:fit_rows], (28, 28)))
    alone, alone_s = _timed(
        lambda: [fitted_product(row, (28, 28)) for row in outputs[:_ONE_BY_ONE]]
    )
    scaled = {"all at once": fitted_s / fit_rows, "one by one": alone_s / len(alone)}
    gap = exact.overlap[:fit_rows] - fitted.overlap
    ratios = {name: each * _SAMPLES / exact_s for name, each in scaled.items()}
    table = [("nearest_product", f"{_SAMPLES:,}", seconds(exact_s), "", "", "")]
    table += [
        (
            f"fitted, {name}",
            f"{fit_rows if name == 'all at once' else _ONE_BY_ONE:,}",
            seconds(each * _SAMPLES),
            f"{ratios[name]:.0f}x",
            f"{float(gap.max()):.1e}" if name == "all at once" else "",
            f"{_LEAST_SPEEDUP:.0f}x: {verdict(ratios[name] >= _LEAST_SPEEDUP)}",
        )
        for name, each in scaled.items()
    ]
    print_table(
        ("product state", "rows", "10,000 rows", "over exact", "worst gap", "wanted"), table
    )
    worse = int((exact.error[:fit_rows] > fitted.error + 1e-12).sum())
    print(
        f"\nOutputs of the first MNIST layer ({images} images), CPU time of one thread; a fit of "
        f"fewer rows is scaled up. Gap: how much of the overlap the fit misses. nearest_product is "
        f"worse than the fit in {worse} rows."
    )
    return [
        {
            "nearest_product_s": exact_s,
            "fit_rows": fit_rows,
            **{f"fitted, {name}, s": each * _SAMPLES for name, each in scaled.items()},
            "worse_rows": worse,
            "worst_gap": float(gap.max()),
        }
    ]


def _timed(call: Callable[[], Any]) -> tuple[Any, float]:
    """Result and CPU seconds, which other processes disturb less than wall time."""
    start = time.process_time()
    result = call()
    return result, time.process_time() - start


if __name__ == "__main__":
    sys.exit(main())
