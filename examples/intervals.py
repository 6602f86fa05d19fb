"""Intervals instead of numbers: how often do they hold the truth on rows that were not seen?

Run it with `python examples/intervals.py`; `--quick` takes two splits. The table is the real one on
diabetes that scikit-learn carries (442 rows), so nothing is downloaded. A regression on quantiles
gives for each patient an interval that should hold nine outcomes in ten. Learned from all rows it
promises nothing; with a part of the rows set aside, the intervals are shifted until they hold their
share of that part (conformal quantiles), which costs rows to learn from. At the end there are a
table, over splits into four fifths to learn from and a fifth to judge by, and a picture of one
split.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split

from qimlp import QiMLPRegressor

LEVELS = (0.05, 0.5, 0.95)
WAYS = {"from all rows": False, "with a part set aside": True}
BLUE, RED = "#0072B2", "#D55E00"


def main(arguments: Sequence[str] | None = None) -> None:
    """Fit both ways on every split, and write the table and the picture."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="two splits")
    parser.add_argument("--out", type=Path, default=Path("example-output/intervals"))
    given = parser.parse_args(arguments)
    table, outcome = load_diabetes(return_X_y=True, as_frame=True, scaled=False)

    rows, shown = [], {}
    for seed in range(2 if given.quick else 10):
        train, test, y_train, y_test = train_test_split(
            table, outcome, test_size=0.2, random_state=seed
        )
        for way, aside in WAYS.items():
            model = QiMLPRegressor(
                loss="quantile",
                quantiles=LEVELS,
                early_stopping=aside,
                validation_fraction=0.25,
                random_state=seed,
            )
            model.fit(train, y_train)
            low, median, high = model.predict_quantiles(test).T
            held = (low <= y_test) & (y_test <= high)
            error = np.abs(median - y_test).mean()
            rows.append((way, held.mean(), np.mean(high - low), error))
            shown.setdefault(way, (low, median, high, y_test.to_numpy()))

    columns = ["learned", "share held", "width", "error of the median"]
    runs = pd.DataFrame(rows, columns=columns)
    summary = runs.groupby("learned", sort=False).agg(["mean", "std"]).round(3).reset_index()
    summary.columns = [" ".join(filter(None, names)) for names in summary.columns]
    given.out.mkdir(parents=True, exist_ok=True)
    summary.to_csv(given.out / "table.csv", index=False)
    print(summary.to_string(index=False))
    draw(shown, given.out / "intervals.png")
    print(f"table.csv and intervals.png are in {given.out}")


def draw(shown: dict[str, tuple[np.ndarray, ...]], path: Path) -> None:
    """Draw the intervals of one split's test rows, sorted by their medians."""
    figure = Figure(figsize=(9, 3), layout="constrained")
    for axes, (way, found) in zip(figure.subplots(1, 2, sharey=True), shown.items(), strict=True):
        low, median, high, truth = (each[np.argsort(found[1])] for each in found)
        x = np.arange(len(truth))
        inside = (low <= truth) & (truth <= high)
        axes.vlines(x, low, high, color="#BBBBBB", linewidth=2)
        axes.plot(x, median, "_", color="#333333", markersize=5)
        for these, colour in ((inside, BLUE), (~inside, RED)):
            axes.plot(x[these], truth[these], "o", color=colour, markersize=3)
        title = f"{way}: {inside.sum()} of {len(truth)} outcomes held"
        axes.set_title(title, fontsize=9)
        axes.set_xlabel("patients, by the median", fontsize=8)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8, bottom=False, labelbottom=False)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
