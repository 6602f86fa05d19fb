"""What the layers correlate: the paper's measure, beside what chance and an ordinary MLP give.

Run it with `python examples/correlations.py`; `--quick` takes the small digits of scikit-learn.
MNIST is read from the folder that the environment variable QIMLP_DATA names, else from the Hugging
Face hub. A layer's output, read as the state of two bodies (the rows and the columns of its 28 x 28
numbers), has a strong correlation C. Almost every vector has much of it, a random one nearly the
most that there can be: so C of a trained network says nothing alone. At the end there are answers
in words, a table and a picture, with what untrained networks, shuffled outputs, random vectors and
the MLP have.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from qimlp import Predictor
from qimlp.correlation import CorrelationReport, analyze
from qimlp.correlation.figures import plot_levels
from qimlp.training import fit, resolve_settings


def main(arguments: Sequence[str] | None = None) -> None:
    """Train the two networks, measure, and write the table and the picture."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="8 x 8 digits, few epochs")
    parser.add_argument("--out", type=Path, default=Path("example-output/correlations"))
    given = parser.parse_args(arguments)
    data, epochs = ("digits", 10) if given.quick else ("mnist", 5)

    predictors = {}
    for model in ("2b", "mlp"):
        settings = resolve_settings({"data": data, "model": model, "epochs": epochs, "threads": 1})
        result = fit(settings, out=given.out / "runs", overwrite=True)
        print(f"{model}: {result.parameters:,} parameters, test {result.test['accuracy']:.4f}")
        predictors[model] = Predictor.load(result.folder)

    # `read` gives the test images as they are, `batches` as the network sees them.
    two_bodies, mlp = predictors["2b"], predictors["mlp"]
    images = two_bodies.batches(two_bodies.read(data).inputs)
    report = analyze(two_bodies.network, images, control=mlp.network, max_samples=2000)

    print(*report.answers, *report.notes, sep="\n")
    table = as_table(report)
    table.to_csv(given.out / "table.csv", index=False)
    after = table[table["activation"] == "after"].drop(columns="activation")
    print(after.round(3).to_string(index=False))
    plot_levels(report, given.out / "levels.png", title=f"{data}, two bodies")
    print(f"table.csv, levels.png and the runs are in {given.out}")


def as_table(report: CorrelationReport) -> pd.DataFrame:
    """Give mean C and its interval, for the network and all that it is compared with."""
    rows = []
    for layer in report.layers:
        levels = {"this network": layer.measured.strong}
        levels |= {baseline.name: baseline.strong for baseline in layer.baselines}
        for name, strong in levels.items():
            row = (layer.place.layer, layer.place.stage, name, strong.mean, strong.low, strong.high)
            rows.append(row)
    return pd.DataFrame(rows, columns=["layer", "activation", "of", "C", "low", "high"])


if __name__ == "__main__":
    main()
