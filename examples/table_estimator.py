"""A table with the estimators, beside what scikit-learn has: nothing scaled, nothing tuned.

Run it with `python examples/table_estimator.py`; `--quick` takes one small table and two splits.
The tables are the real ones that scikit-learn carries, so nothing is downloaded. Every model has
its defaults, and all see the same splits: four fifths to learn from, a fifth to judge by. At the
end there are a table and a picture: mean and standard deviation over the splits.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from qimlp import QiMLPClassifier, QiMLPRegressor

CLASSES = {"wine": load_wine, "breast cancer": load_breast_cancer, "digits": load_digits}
NUMBERS = {"diabetes": load_diabetes}

CLASSIFIERS = {
    "QiMLP": lambda seed: QiMLPClassifier(random_state=seed),
    "linear": lambda _: make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
    "forest": lambda seed: RandomForestClassifier(random_state=seed),
    "boosting": lambda seed: HistGradientBoostingClassifier(random_state=seed),
}
REGRESSORS = {
    "QiMLP": lambda seed: QiMLPRegressor(random_state=seed),
    "linear": lambda _: make_pipeline(StandardScaler(), RidgeCV()),
    "forest": lambda seed: RandomForestRegressor(random_state=seed),
    "boosting": lambda seed: HistGradientBoostingRegressor(random_state=seed),
}
COLOURS = ("#D55E00", "#0072B2", "#009E73", "#999999")


def main(arguments: Sequence[str] | None = None) -> None:
    """Fit every model on every table, and write the table and the picture."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one small table, two splits")
    parser.add_argument("--out", type=Path, default=Path("example-output/table_estimator"))
    given = parser.parse_args(arguments)
    tables = {"wine": load_wine} if given.quick else CLASSES | NUMBERS

    rows = []
    for table, load in tables.items():
        frame, target = load(return_X_y=True, as_frame=True)
        models = REGRESSORS if table in NUMBERS else CLASSIFIERS
        for seed in range(2 if given.quick else 5):
            classes = None if table in NUMBERS else target
            parts = train_test_split(
                frame, target, test_size=0.2, random_state=seed, stratify=classes
            )
            train, test, wanted, known = parts
            for name, make in models.items():
                start = time.perf_counter()
                model = make(seed).fit(train, wanted)
                seconds = time.perf_counter() - start
                # Accuracy of classes, R2 of numbers: scikit-learn's own `score`.
                rows.append((table, name, model.score(test, known), seconds))

    found = pd.DataFrame(rows, columns=["table", "model", "score", "seconds"])
    summary = (
        found.groupby(["table", "model"], sort=False)
        .agg(score=("score", "mean"), std=("score", "std"), seconds=("seconds", "median"))
        .round({"score": 4, "std": 4, "seconds": 2})
        .reset_index()
    )
    given.out.mkdir(parents=True, exist_ok=True)
    summary.to_csv(given.out / "table.csv", index=False)
    print(summary.to_string(index=False))
    draw(summary, given.out / "scores.png")
    print(f"table.csv and scores.png are in {given.out}")


def draw(summary: pd.DataFrame, path: Path) -> None:
    """Draw a panel for each table, with a mark for each model."""
    tables = list(summary["table"].unique())
    figure = Figure(figsize=(2.6 * len(tables), 2.4), layout="constrained")
    for axes, table in zip(figure.subplots(1, len(tables), squeeze=False)[0], tables, strict=True):
        part = summary[summary["table"] == table].iloc[::-1]
        for (_, row), colour in zip(part.iterrows(), COLOURS[::-1], strict=True):
            axes.errorbar(
                row["score"], row["model"], xerr=row["std"], fmt="o", color=colour, capsize=3
            )
        axes.set_title(f"{table}: {'R2' if table in NUMBERS else 'accuracy'}", fontsize=9)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(labelsize=8, left=False, labelleft=table == tables[0])
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
