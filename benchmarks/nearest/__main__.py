"""Time the nearest sum for a large weight, and count how many exact sums are recovered.

The least error is known by construction where the spectrum decays. For the flat spectrum (normal
numbers) it takes the full decomposition, a minute for 4096 x 4096: --full.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.nearest.cases import SPECTRA, large, recovered, shuffled
from benchmarks.report import described, print_table, save, verdict
from qimlp.bench.environment import processor
from qimlp.bench.formatting import seconds
from qimlp.functional import nearest_kronecker

_MOST_SECONDS, _MOST_ABOVE, _EXACT = 3.0, 1e-6, 1e-10


def main(arguments: list[str] | None = None) -> int:
    """Measure, print the tables, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.nearest", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--side", type=int, default=64, help="sizes of both factors (default: 64)")
    parser.add_argument("--rank", type=int, default=16, help="summed products (default: 16)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each (default: 3)")
    parser.add_argument("--cases", type=int, default=200, help="exact sums of each kind")
    parser.add_argument("--full", action="store_true", help="the least error of the flat spectrum")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results too")
    given = parser.parse_args(arguments)
    if min(given.side, given.rank, given.rounds, given.cases) < 1:
        parser.error("--side, --rank, --rounds, --cases: expected 1 or more")
    if given.rank > given.side**2:
        parser.error(f"--rank: expected at most {given.side**2} for that side, got {given.rank}")
    torch.set_num_threads(1)
    where = {"device": processor(), "threads": 1, "torch": torch.__version__}
    print("Nearest Kronecker sums: " + described(where) + "\n")
    rows = _times(given.side, given.rank, given.rounds, full=given.full)
    rows += _counts(given.cases)
    save(given.json, "nearest", where, rows)
    return 0


def _times(side: int, rank: int, rounds: int, *, full: bool) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for spectrum in SPECTRA:
        weight, least = large(spectrum, side, rank, full=full)
        taken = []
        for _ in range(rounds):
            start = time.process_time()
            _, error = nearest_kronecker(weight, (side, side), (side, side), rank)
            taken.append(time.process_time() - start)
        rows.append(
            {
                "weight": f"{side**2} x {side**2}, rank {rank}, {spectrum}",
                "cpu_s": sorted(taken)[rounds // 2],
                "error": float(error),
                "above": None if least is None else max(0.0, float(error) / least - 1),
            }
        )
    print_table(
        ("weight", "CPU time", "error", "above the least", "wanted", ""),
        [
            (
                row["weight"],
                seconds(row["cpu_s"]),
                f"{row['error']:.2e}",
                "not measured" if row["above"] is None else f"{row['above']:.0e}",
                f"{_MOST_SECONDS:.0f} s, {_MOST_ABOVE:.0e}",
                _judged(row),
            )
            for row in rows
        ],
    )
    return rows


def _judged(row: dict[str, Any]) -> str:
    fast = row["cpu_s"] < _MOST_SECONDS
    if row["above"] is None:
        return f"{verdict(fast)} (time alone)"
    return verdict(fast and row["above"] <= _MOST_ABOVE)


def _counts(cases: int) -> list[dict[str, Any]]:
    rows = []
    for kind, errors in [*recovered(cases), *shuffled(cases)]:
        exact = sum(error < _EXACT for error in errors)
        rows.append({"sums": kind, "cases": len(errors), "exact": exact, "worst": max(errors)})
    print(f"\nExact sums, float64; recovered: to {_EXACT:.0e}.\n")
    print_table(
        ("sums", "recovered", "worst error"),
        [(row["sums"], f"{row['exact']} of {row['cases']}", f"{row['worst']:.0e}") for row in rows],
    )
    return rows


if __name__ == "__main__":
    sys.exit(main())
