"""Compares small networks at equal flash: `python -m benchmarks.export.comparison --data mnist`.

Of each family one network is chosen on a dev part; the test part is read once, at the end, for
every seed. `qimlp.export` writes the int8 C of the networks that it can; emlearn's C is compiled
beside it for the same Cortex-M4. QIMLP_DATA names the folder of the images.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import torch

from benchmarks import report
from benchmarks.export.boards import missing
from benchmarks.export.comparison import data as sets
from benchmarks.export.comparison.contest import Contest
from benchmarks.export.comparison.lineup import FAMILIES

_HEADER = ("model", "sizes", "parameters", "flash", "RAM", "accuracy", "seeds")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit code."""
    given = _parser().parse_args(arguments)
    absent = missing()
    if absent is not None:
        raise SystemExit(f"{absent}: flash cannot be measured")
    torch.set_num_threads(1)
    data = sets.load(given.data)
    with tempfile.TemporaryDirectory() as temporary:
        contest = Contest(
            data, given.keep or Path(temporary), tuple(given.seeds), tuple(given.leave_out)
        )
        rows = []
        for row in contest.rows():
            print(row, file=sys.stderr, flush=True)
            rows.append(row)
    where = {
        "data": data.name,
        "features": data.features,
        "classes": data.classes,
        "train": len(data.train.rows),
        "dev": len(data.dev.rows),
        "test": len(data.test.rows),
        "target": "Cortex-M4 -Os",
    }
    print(report.described(where) + "\n")
    report.print_table(_HEADER, [_line(row) for row in rows])
    report.save(given.json, "export.comparison", where, rows)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.export.comparison",
        description="Compare small networks at equal flash.",
    )
    parser.add_argument("--data", choices=sets.NAMES, default="mnist", help="default: mnist")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument(
        "--leave-out",
        nargs="+",
        default=[],
        choices=FAMILIES,
        metavar="FAMILY",
        help="do not train these, which take their time: " + "; ".join(FAMILIES),
    )
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep trained networks there")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there too")
    return parser


def _line(row: dict[str, Any]) -> list[str]:
    about = "about " if row["estimated"] else ""
    parameters = f"{row['parameters']:,}" if row["parameters"] else "-"
    costs = [f"{about}{row[key]:,}" for key in ("flash", "ram")]
    found = [100 * value for value in row["accuracy"]]
    spread = f" +- {stdev(found):.2f}" if len(found) > 1 else ""
    accuracy = f"{mean(found):.2f}{spread}"
    return [row["family"], row["name"], parameters, *costs, accuracy, str(len(found))]


if __name__ == "__main__":
    sys.exit(main())
