"""How a fit grows to a million rows: `python -m benchmarks.tables --scale 1000000x100`.

Each fit runs in a process of its own, so that the peak of its memory is its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import warnings
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from benchmarks.report import print_table, verdict
from benchmarks.tables.contestants import BOOSTING, MAKERS, OURS
from benchmarks.tables.data import Table
from qimlp.bench import seconds
from qimlp.bench.formatting import size
from qimlp.bench.memory import PeakMemory

_BLOCK_ROWS = 10_000
_TEST_ROWS = 10_000
_NOISE = 0.3


def parse_shape(text: str) -> tuple[int, int]:
    """Read `1000000x100` as rows and columns.

    Raises:
        ValueError: If it is no such pair, with at least 10 rows and 4 columns.
    """
    parts = text.split("x")
    if len(parts) != 2 or not all(part.isdecimal() for part in parts):
        raise ValueError(f"expected ROWSxCOLUMNS such as 1000000x100, got {text}")
    rows, columns = map(int, parts)
    if rows < 10 or columns < 4:
        raise ValueError(f"expected at least 10 rows and 4 columns, got {text}")
    return rows, columns


def make_data(
    rows: int, columns: int, *, classes: int, dtype: str, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Make a table of normal numbers whose target depends on sums, products and a sine.

    Args:
        rows: Number of rows N.
        columns: Number of columns C, at least 4.
        classes: 2 for the sign of the target as classes, 0 for the target itself.
        dtype: `float64` or `float32`.
        seed: Of the rows; the target is the same function of a row for every seed.

    Returns:
        The table (N, C) and the targets (N,), made block by block, so that nothing larger was
        there before.
    """
    weights = np.random.default_rng(0).normal(size=columns) / np.sqrt(columns)
    generator = np.random.default_rng([1, seed])
    table = np.empty((rows, columns), dtype=dtype)
    targets = np.empty(rows)
    for start in range(0, rows, _BLOCK_ROWS):
        block = generator.normal(size=(min(_BLOCK_ROWS, rows - start), columns))
        signal = block @ weights + block[:, 0] * block[:, 1] + np.sin(2 * block[:, 2])
        signal += np.abs(block[:, 3]) + _NOISE * generator.normal(size=len(block))
        table[start : start + len(block)] = block
        targets[start : start + len(block)] = signal
    return table, (targets > 0.8).astype(np.int64) if classes else targets


def run(name: str, rows: int, columns: int, *, classes: int, dtype: str) -> dict[str, Any]:
    """Fit one estimator in this process.

    Args:
        name: One of `MAKERS`.
        rows: Rows to fit.
        columns: Columns of the table.
        classes: See `make_data`.
        dtype: See `make_data`.

    Returns:
        CPU and wall seconds of the fit, the bytes by which the peak of the process grew, those of
        the data, and the score on 10,000 other rows.
    """
    torch.set_num_threads(1)
    x, y = make_data(rows, columns, classes=classes, dtype=dtype, seed=0)
    x_test, y_test = make_data(_TEST_ROWS, columns, classes=classes, dtype=dtype, seed=1)
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator = MAKERS[name](Table("scale", x[:0], y[:0], classes), 0)
        MAKERS[name](Table("scale", x[:0], y[:0], classes), 0).fit(x_test[:500], y_test[:500])
        peak = PeakMemory(torch.device("cpu"))
        wall, cpu = time.perf_counter(), time.process_time()
        estimator.fit(x, y)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        return {
            "estimator": name,
            "task": "classification" if classes else "regression",
            "rows": rows,
            "columns": columns,
            "dtype": dtype,
            "fit_s": cpu,
            "wall_s": wall,
            "extra_bytes": peak.extra_bytes(),
            "data_bytes": x.nbytes,
            "score": float(estimator.score(x_test, y_test)),
        }


def compare(shape: str, *, estimators: list[str], dtype: str) -> list[dict[str, Any]]:
    """Fit each estimator for both tasks in processes of their own, and print a table.

    Args:
        shape: Rows and columns, such as `1000000x100`.
        estimators: Which of `MAKERS`.
        dtype: See `make_data`.

    Returns:
        What `run` returned of each.
    """
    found = []
    for classes in (2, 0):
        for name in estimators:
            command = [sys.executable, "-m", "benchmarks.tables.scale", name, shape]
            ran = subprocess.run(
                [*command, str(classes), dtype], check=False, stdout=subprocess.PIPE, text=True
            )
            if ran.returncode == 0:
                found.append(json.loads(ran.stdout))
            else:
                print(f"{name}: no result, its process ended with {ran.returncode}")
    print_table(
        ("estimator", "task", "fit, CPU", "fit, wall", "extra peak", "over the data", "score", ""),
        [_line(row, found) for row in found],
    )
    return found


def _line(row: dict[str, Any], rows: list[dict[str, Any]]) -> list[str]:
    extra = row["extra_bytes"]
    over = None if extra is None else extra / row["data_bytes"]
    peers = [
        other for other in rows if (other["task"], other["estimator"]) == (row["task"], BOOSTING)
    ]
    judged = row["estimator"] == OURS and peers and over is not None
    met = judged and row["fit_s"] <= peers[0]["fit_s"] and over <= 1
    return [
        row["estimator"],
        row["task"],
        seconds(row["fit_s"]),
        seconds(row["wall_s"]),
        "not told" if extra is None else size(extra),
        "" if over is None else f"{over:.2f}x",
        f"{row['score']:.4f}",
        f"no slower than HGB, at most 1x: {verdict(bool(met))}" if judged else "",
    ]


def _child(arguments: list[str]) -> int:
    name, shape, classes, dtype = arguments
    try:
        print(json.dumps(run(name, *parse_shape(shape), classes=int(classes), dtype=dtype)))
    except ImportError as error:
        print(f"{name} is left out: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(_child(sys.argv[1:]))
