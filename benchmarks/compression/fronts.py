"""Draws the fronts of `benchmarks.compression.mlp`: accuracy against parameters, and against time.

`python -m benchmarks.compression.fronts mnist.json cifar10.json --out fronts.png`: one row of
pictures for each data set; results of several seeds in several files are put together.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from qimlp.files import read_json_object

_NAMES = {
    "low_rank": "low rank",
    "kronecker": "Kronecker",
    "auto": "auto",
    "pruned": "pruned, same bytes",
}
_STYLES = {"fitted": ":", "tuned": "-"}
_TICKS = {"reached": (20, 50, 100, 350), "speed": (1, 2, 4, 8, 16)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.compression.fronts", description="Draw accuracy against cost."
    )
    parser.add_argument("results", type=Path, nargs="+", help="JSON files of compression.mlp")
    parser.add_argument("--out", type=Path, required=True, help="PNG file to write")
    given = parser.parse_args(arguments)
    try:
        rows = collected(given.results)
    except (OSError, ValueError) as error:
        print(f"benchmarks.compression.fronts: {error}", file=sys.stderr)
        return 1
    draw(rows, given.out)
    print(given.out)
    return 0


def collected(paths: Iterable[Path]) -> dict[str, list[dict[str, Any]]]:
    """Read the rows of several files, by data set.

    Raises:
        FileNotFoundError: A file is missing.
        ValueError: A file holds no results of `compression.mlp`.
    """
    rows: dict[str, list[dict[str, Any]]] = {}
    for path in paths:
        found = read_json_object(path, what="results")
        if found.get("program") != "compression.mlp":
            raise ValueError(f"{path}: expected results of benchmarks.compression.mlp")
        rows.setdefault(found["setting"]["data"], []).extend(found["rows"])
    return rows


def front(
    rows: Iterable[dict[str, Any]], form: str, score: str, cost: str
) -> list[tuple[float, float]]:
    """Mean accuracy of one form over its seeds, by what it costs."""
    groups: dict[float, list[dict[str, Any]]] = {}
    for row in rows:
        fitted = row.get("fitted_to", "data") == "data"
        if row["form"] == form and fitted and score in row and cost in row:
            groups.setdefault(row["ratio"], []).append(row)
    return [
        (mean(row[cost] for row in group), mean(row[score] for row in group))
        for _, group in sorted(groups.items())
    ]


def draw(rows: dict[str, list[dict[str, Any]]], path: Path) -> None:
    """Draw both fronts of every data set into one file."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - slow

    figure = Figure(figsize=(9, 3.6 * len(rows)), dpi=90, layout="constrained")
    axes = figure.subplots(len(rows), 2, squeeze=False)
    for (data, found), (by_size, by_time) in zip(rows.items(), axes, strict=True):
        dense = mean(row["tuned"] for row in found if row["form"] == "dense")
        for axis, cost in ((by_size, "reached"), (by_time, "speed")):
            axis.axhline(dense, color="black", linewidth=0.8, label="dense")
            for number, (form, name) in enumerate(_NAMES.items()):
                for score, style in _STYLES.items():
                    points = front(found, form, score, cost)
                    if points:
                        label = name if score == "tuned" else None
                        xs, ys = zip(*points, strict=True)
                        axis.plot(xs, ys, style, marker="o", color=f"C{number}", label=label)
            axis.set_title(f"{data}: solid after one epoch of distillation, dotted before")
            axis.title.set_fontsize(9)
            axis.set_ylabel("accuracy")
            axis.set_ylim(0.6 * dense, 1.02 * dense)
            axis.set_xscale("log")
            axis.set_xticks(_TICKS[cost], [f"{tick:g}" for tick in _TICKS[cost]])
            axis.minorticks_off()
        by_size.set_xlabel("parameters, times fewer")
        by_time.set_xlabel("forward pass, times as fast as dense")
        by_size.legend(fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


if __name__ == "__main__":
    sys.exit(main())
