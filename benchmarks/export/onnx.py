"""Times ONNX files of one image at a time: `python -m benchmarks.export.onnx`.

Multi-body networks beside the dense network of the same widths, both exported by qimlp and run by
ONNX Runtime on one thread. Weights are random: time does not depend on them. Samples interleave,
each of a few calls, and their medians are compared.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from benchmarks import report
from qimlp.data import Scaling
from qimlp.export import to_onnx
from qimlp.models import MLP, Pretrained, QiMLP
from qimlp.predictor import Features, Predictor
from qimlp.tasks import Classification

NETWORKS = {
    "2b": partial(QiMLP, [(28, 28)] * 4 + [(2, 5)]),
    "2b rank 4": partial(QiMLP, [(28, 28)] * 4 + [(2, 5)], rank=4),
    "3b rank 4": partial(QiMLP, [(7, 4, 28)] * 4 + [(1, 2, 5)], rank=4),
    "4b rank 4": partial(QiMLP, [(7, 4, 4, 7)] * 4 + [(1, 2, 5, 1)], rank=4),
    "dense": partial(MLP, [784] * 4 + [10]),
}
WANTED = 4.0  # times faster than the dense file, one image at a time
_CALLS = 10
_HEADER = ("network", "parameters", "file, bytes", "batch 1, µs", "dense / it", "batch 64, µs", "")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.export.onnx", description=__doc__)
    parser.add_argument("--rounds", type=int, default=201, help="samples of each (default: 201)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there too")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        reports = {
            name: to_onnx(_predictor(make()), Path(folder, name.replace(" ", "_")))
            for name, make in NETWORKS.items()
        }
        sessions = {name: _session(found.folder) for name, found in reports.items()}
    one, many = (_times(sessions, rows, given.rounds) for rows in (1, 64))
    rows = [
        {
            "network": name,
            "parameters": found.details["parameters"],
            "bytes": found.files["qimlp_network.onnx"],
            "batch_1_us": one[name],
            "batch_64_us": many[name],
            "dense_over_it": one["dense"] / one[name],
        }
        for name, found in reports.items()
    ]
    where = {"onnxruntime": reports["dense"].details["versions"]["onnxruntime"], "threads": 1}
    print(f"ONNX Runtime, 784-784-784-784-10: {report.described(where)}\n")
    report.print_table(_HEADER, [_line(row) for row in rows])
    report.save(given.json, "export.onnx", where, rows)
    return int(rows[0]["dense_over_it"] < WANTED)


def _line(row: dict[str, Any]) -> tuple[str, ...]:
    ratio = row["dense_over_it"]
    return (
        row["network"],
        f"{row['parameters']:,}",
        f"{row['bytes']:,}",
        f"{row['batch_1_us']:.1f}",
        f"{ratio:.2f}",
        f"{row['batch_64_us']:.0f}",
        "" if row["network"] == "dense" else report.verdict(ratio >= WANTED),
    )


def _predictor(network: Pretrained) -> Predictor:
    return Predictor(
        network=network.eval(),
        task=Classification(tuple("0123456789")),
        features=Features(),
        scaling=Scaling("standardize", 784, (33.3,), (78.6,)),
        feature_shape=(28, 28),
    )


def _session(folder: Path) -> Any:
    import onnxruntime  # noqa: PLC0415 - optional

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    file = str(folder / "qimlp_network.onnx")
    return onnxruntime.InferenceSession(file, options, ["CPUExecutionProvider"])


def _times(sessions: dict[str, Any], rows: int, rounds: int) -> dict[str, float]:
    """Median microseconds of a call, by name."""
    x = np.random.default_rng(0).uniform(0, 255, (rows, 784)).astype(np.float32)
    samples: dict[str, list[float]] = {name: [] for name in sessions}
    for _ in range(rounds):
        for name, session in sessions.items():
            session.run(None, {"x": x})  # the others' weights leave the cache
            start = time.perf_counter()
            for _ in range(_CALLS):
                session.run(None, {"x": x})
            samples[name].append((time.perf_counter() - start) / _CALLS * 1e6)
    return {name: median(found) for name, found in samples.items()}


if __name__ == "__main__":
    sys.exit(main())
