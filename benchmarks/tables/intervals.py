"""How honest prediction intervals are: `python -m benchmarks.tables.intervals`.

Quantiles 0.05, 0.5 and 0.95 on rows that were not learned from: what part of the targets lies
between the outer two (wanted: 0.9), how far they are apart, and the pinball loss.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np
import torch
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import mean_pinball_loss
from threadpoolctl import threadpool_limits

from benchmarks.report import described, print_table
from benchmarks.tables import data
from benchmarks.tables.contestants import BOOSTING, OURS
from qimlp.bench.environment import processor

LEVELS = (0.05, 0.5, 0.95)
_NO_TARGET_OF_NUMBERS = {
    "wine",
    "breast_cancer",
    "digits",
    "attrition",
    "churn",
    "phoneme",
    "letter",
}
TABLES = tuple(name for name in data.NAMES if name not in _NO_TARGET_OF_NUMBERS)


@dataclass(frozen=True)
class Interval:
    """How the quantiles of one estimator do on one split.

    Attributes:
        coverage: Part of the targets between the outer quantiles.
        width: Mean distance of these, in standard deviations of the targets.
        pinball: Mean pinball loss, in standard deviations of the targets.
        crossing: Part of the rows of which a quantile is below a lower one.
        fit_s: Process CPU seconds of the fit.
    """

    coverage: float
    width: float
    pinball: float
    crossing: float
    fit_s: float


def ours(part: data.Split, **more: Any) -> np.ndarray:
    """One estimator for all quantiles."""
    from qimlp.estimators import QiMLPRegressor  # noqa: PLC0415 - slow to load

    model = QiMLPRegressor(loss="quantile", quantiles=LEVELS, random_state=part.seed, **more)
    found: np.ndarray = model.fit(part.x_train, part.y_train).predict_quantiles(part.x_test)
    return found


def calibrated(part: data.Split) -> np.ndarray:
    """The same with a fifth of the training rows set aside, by which the intervals are moved."""
    return ours(part, early_stopping=True, validation_fraction=0.2)


def boosting(part: data.Split) -> np.ndarray:
    """HistGradientBoosting of the defaults, one for each quantile."""
    found = []
    for level in LEVELS:
        model = HistGradientBoostingRegressor(
            loss="quantile",
            quantile=level,
            categorical_features="from_dtype",
            random_state=part.seed,
        )
        found.append(model.fit(part.x_train, part.y_train).predict(part.x_test))
    return np.stack(found, axis=1)


MAKERS: dict[str, Callable[[data.Split], np.ndarray]] = {
    OURS: ours,
    f"{OURS}, calibrated": calibrated,
    BOOSTING: boosting,
}


def measure(name: str, part: data.Split) -> Interval:
    """Fit the quantiles of an estimator on one thread and judge them on the test part.

    Args:
        name: One of `MAKERS`.
        part: The split.

    Returns:
        The figures.
    """
    torch.set_num_threads(1)
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start = time.process_time()
        found = MAKERS[name](part)
        seconds = time.process_time() - start
    return judged(found, part.y_test, float(np.std(part.table.targets)), seconds)


def judged(found: np.ndarray, targets: np.ndarray, unit: float, seconds: float) -> Interval:
    """Judge quantiles.

    Args:
        found: Quantiles of the rows, (N, quantiles).
        targets: What came true, (N,).
        unit: What widths and losses are divided by.
        seconds: What the fit took.

    Returns:
        The figures.
    """
    losses = [
        float(mean_pinball_loss(targets, found[:, place], alpha=level))
        for place, level in enumerate(LEVELS)
    ]
    return Interval(
        coverage=float(((found[:, 0] <= targets) & (targets <= found[:, -1])).mean()),
        width=float((found[:, -1] - found[:, 0]).mean()) / unit,
        pinball=fmean(losses) / unit,
        crossing=float((np.diff(found, axis=1) < 0).any(axis=1).mean()),
        fit_s=seconds,
    )


def line(table: str, rows: int, name: str, found: Sequence[Interval]) -> list[str]:
    """Show the means over splits."""

    def mean(figure: str) -> float:
        return fmean(getattr(one, figure) for one in found)

    return [
        table,
        f"{rows:,}",
        name,
        f"{mean('coverage'):.3f}",
        f"{mean('width'):.2f}",
        f"{mean('pinball'):.4f}",
        f"{mean('crossing'):.1%}",
        f"{mean('fit_s'):.1f} s",
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.tables.intervals",
        description=(__doc__ or "").splitlines()[0],
    )
    parser.add_argument("--tables", nargs="+", default=list(TABLES), metavar="NAME")
    parser.add_argument("--splits", type=int, default=data.REPORT_SPLITS)
    given = parser.parse_args(arguments)
    if given.splits < 1:
        parser.error(f"--splits: expected at least 1, got {given.splits}")
    unknown = [name for name in given.tables if name not in TABLES]
    if unknown:
        parser.error(f"--tables: expected some of {', '.join(TABLES)}, got {unknown[0]}")
    lines: list[list[str]] = []
    for name in given.tables:
        try:
            table: Any = data.load(name)
        except FileNotFoundError as error:
            print(error, file=sys.stderr)
            return 2
        parts = [data.split(table, seed) for seed in range(given.splits)]
        for maker in MAKERS:
            found = [measure(maker, part) for part in parts]
            lines.append(line(name, len(parts[0].y_train), maker, found))
    print("Intervals: " + described({"device": processor(), "threads": 1}) + "\n")
    print("Width and pinball loss in standard deviations of the targets; means over splits.\n")
    print_table(
        ["table", "rows", "", "coverage (0.9)", "width", "pinball", "crossing", "fit"], lines
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
