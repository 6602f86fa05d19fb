"""Times runs trained as one stack against the same runs one by one: `-m benchmarks.campaign`."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import torch

from benchmarks import options, report
from benchmarks.blobs import blobs
from qimlp.bench.environment import setting
from qimlp.bench.formatting import seconds, times
from qimlp.bench.timing import interleave
from qimlp.data import DataSet
from qimlp.shapes import PAPER_NETWORKS
from qimlp.training import TrainSettings, fit, fit_stacked, resolve_settings

_STACK, _ALONE = "stacked", "one by one"
_EXAMPLES = 7_500
_HEADER = ("network", "runs", _STACK, _ALONE, "ratio", "spread")
NETWORKS = {
    "digits 2b": (((8, 8), (8, 8), (8, 8), (2, 5)), 1),
    "mnist 2b": (PAPER_NETWORKS["mnist"][2], 1),
    "mnist 3b": (PAPER_NETWORKS["mnist"][3], 1),
    "mnist 4b": (PAPER_NETWORKS["mnist"][4], 1),
    "mnist 2b rank 4": (PAPER_NETWORKS["mnist"][2], 4),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit code."""
    parser = options.parser("campaign", "Time stacked runs against single ones.", rounds=5)
    parser.add_argument("--runs", type=int, nargs="+", default=[5, 10], help="default: 5 10")
    given = parser.parse_args(arguments)
    device, dtype, rounds = options.resolve(parser, given)
    if device.type != "cpu" or dtype != torch.float32:
        parser.error("stacked runs are float32 on the CPU")
    rows: list[dict[str, Any]] = []
    lines: list[list[str]] = []
    for label, (dims, rank) in NETWORKS.items():
        data = blobs(_EXAMPLES, prod(dims[0]))
        for count in given.runs:
            runs = [_settings(dims, rank, seed) for seed in range(count)]
            if not _agree(runs, data):
                print(f"nothing reported: {label}: stacked and single differ", file=sys.stderr)
                return 1
            calls = {_STACK: _stacked(runs, data), _ALONE: _one_by_one(runs, data)}
            timings = interleave(calls, rounds=rounds, device=device)
            ratio = timings.speedup(_STACK, over=_ALONE)
            rows.append(
                {
                    "network": label,
                    "runs": count,
                    "stacked_s": timings.median(_STACK),
                    "one_by_one_s": timings.median(_ALONE),
                    "speedup": ratio,
                    "spread": timings.spread(_STACK),
                }
            )
            lines.append(
                [
                    label,
                    str(count),
                    seconds(timings.median(_STACK)),
                    seconds(timings.median(_ALONE)),
                    times(ratio),
                    f"{timings.spread(_STACK):.0%}",
                ]
            )
    where = setting(device, dtype, rounds)
    print("Runs trained as one stack: " + report.described(where))
    print(f"Ratio: time of {_ALONE} over that of {_STACK} (above 1: the stack is faster).\n")
    report.print_table(_HEADER, lines)
    report.save(given.json, "campaign", where, rows)
    return 0


def _settings(dims: tuple[tuple[int, ...], ...], rank: int, seed: int) -> TrainSettings:
    return resolve_settings(
        {
            "data": "blobs",
            "model": f"{len(dims[0])}b",
            "dims": dims,
            "rank": rank,
            "epochs": 2,
            "seed": seed,
            "device": "cpu",
            "threads": 1,
        }
    )


def _stacked(runs: list[TrainSettings], data: DataSet) -> Callable[[], object]:
    return lambda: fit_stacked(runs, data)


def _one_by_one(runs: list[TrainSettings], data: DataSet) -> Callable[[], object]:
    def call() -> None:
        with tempfile.TemporaryDirectory() as folder:
            for settings in runs:
                fit(settings, out=folder, loaded=data)

    return call


def _agree(runs: list[TrainSettings], data: DataSet) -> bool:
    """Whether every run's dev accuracy comes out within five of its examples."""
    tolerance = 5 / (0.2 * _EXAMPLES)
    with tempfile.TemporaryDirectory() as folder:
        for run in fit_stacked(runs, data):
            alone = fit(run.settings, out=folder, loaded=data)
            stacked = [epoch.dev["accuracy"] for epoch in run.epochs]
            pairs = zip(stacked, alone.dev_curve, strict=True)
            if any(abs(here - there) > tolerance for here, there in pairs):
                return False
    return True


if __name__ == "__main__":
    sys.exit(main())
