"""Compares estimators on real tables: `python -m benchmarks.tables`.

Splits 0 to 4 are the report's: choose nothing on them; take `--first-split 1000` for that.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.report import described
from benchmarks.tables import data, results, scale
from benchmarks.tables.contestants import BOOSTING, MAKERS, OURS
from benchmarks.tables.measure import measure
from benchmarks.tables.printed import print_report
from benchmarks.tables.standings import Standings
from qimlp.bench.environment import processor

_OUT = Path("runs/tables.jsonl")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what the file of results lacks, print the report, and return the exit code."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.estimators is None:
        given.estimators = [BOOSTING, OURS] if given.scale else list(MAKERS)
    for option, names, known in (
        ("--estimators", given.estimators, MAKERS),
        ("--tables", given.tables, data.NAMES),
    ):
        unknown = [name for name in names if name not in known]
        if unknown:
            parser.error(f"{option}: expected some of {', '.join(known)}, got {unknown[0]}")
    if given.splits < 1:
        parser.error(f"--splits: expected at least 1, got {given.splits}")
    where = {"device": processor(), "threads": 1, "clock": "process CPU time"}
    if given.scale:
        return _scale(parser, given, where)
    splits = range(given.first_split, given.first_split + given.splits)
    try:
        if not given.show:
            _measure_missing(given, splits)
        rows = results.chosen(
            results.read(given.out),
            estimators=given.estimators,
            tables=given.tables,
            splits=splits,
        )
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    if not rows:
        print(f"{given.out} holds none of these results", file=sys.stderr)
        return 2
    print("\nTables: " + described(where) + "\n")
    print_report(Standings(rows))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.tables", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument(
        "--estimators",
        nargs="+",
        metavar="NAME",
        help=f"of {', '.join(MAKERS)} (default: all; with --scale {BOOSTING} {OURS})",
    )
    parser.add_argument(
        "--tables", nargs="+", default=list(data.NAMES), metavar="NAME", help="default: all"
    )
    parser.add_argument(
        "--splits", type=int, default=data.REPORT_SPLITS, help="how many (default: 5)"
    )
    parser.add_argument(
        "--first-split", type=int, default=0, help="seed of the first (default: 0, the report's)"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=_OUT,
        metavar="FILE",
        help=f"results, one a line; what it holds is not measured again (default: {_OUT})",
    )
    parser.add_argument(
        "--scale", metavar="ROWSxCOLUMNS", help="time and memory of fits of a made table instead"
    )
    parser.add_argument(
        "--dtype", choices=("float64", "float32"), default="float64", help="of --scale's table"
    )
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--show", action="store_true", help="measure nothing, print what is there")
    choice.add_argument("--again", action="store_true", help="measure what is there anew")
    return parser


def _scale(
    parser: argparse.ArgumentParser, given: argparse.Namespace, where: dict[str, Any]
) -> int:
    try:
        scale.parse_shape(given.scale)
    except ValueError as error:
        parser.error(f"--scale: {error}")
    print(f"Fits of {given.scale} {given.dtype}: {described(where)}\n")
    rows = scale.compare(given.scale, estimators=given.estimators, dtype=given.dtype)
    return 0 if rows else 1


def _measure_missing(given: argparse.Namespace, splits: Sequence[int]) -> None:
    done: dict[results.Key, Any] = {} if given.again else results.read(given.out)
    left_out: dict[str, str] = {}
    tables = {name: data.load(name) for name in given.tables}
    for seed in splits:
        for table in tables.values():
            wanted = [
                name
                for name in given.estimators
                if (name, table.name, seed) not in done and name not in left_out
            ]
            part = data.split(table, seed) if wanted else None
            for name in wanted:
                try:
                    row = measure(name, part)
                except ImportError as error:
                    left_out[name] = str(error)
                    print(f"{name} is left out: {error}", file=sys.stderr)
                    continue
                results.append(given.out, row)
                print(
                    f"{name:9} {table.name:14} split {seed}: {row['score']:.4f}, "
                    f"fit {row['fit_s']:.2f} s",
                    file=sys.stderr,
                    flush=True,
                )


if __name__ == "__main__":
    raise SystemExit(main())
