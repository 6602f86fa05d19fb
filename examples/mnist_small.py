"""MNIST in 3,451 parameters: two bodies of 28 x 28, where the classic MLP takes 1.2 million.

Run it with `python examples/mnist_small.py`. MNIST is read from the folder that the environment
variable QIMLP_DATA names (`mnist/train-*.parquet`), else from the Hugging Face hub. `--epochs 1` is
the quick look. At the end there are a table and a picture: accuracy by epoch, and test images with
the network's answers, among them the mistakes that it was surest of.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import qimlp
from qimlp.training import RunResult, fit, resolve_settings

BLUE, RED = "#0072B2", "#D55E00"


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, judge on the test images, and write the table and the picture."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=20, help="passes over the images")
    parser.add_argument("--out", type=Path, default=Path("example-output/mnist_small"))
    given = parser.parse_args(arguments)

    # Everything that is not said here comes from the recipe that the project keeps for MNIST.
    settings = resolve_settings(
        {"data": "mnist", "model": "2b", "epochs": given.epochs, "seed": 0, "threads": 1}
    )
    result = fit(settings, out=given.out / "runs", overwrite=True)

    table = pd.DataFrame(
        {
            "parameters": [result.parameters],
            "of the classic MLP": [result.dense_parameters],
            "times fewer": [round(result.compression)],
            "dev accuracy": [result.dev["accuracy"]],
            "test accuracy": [result.test["accuracy"]],
        }
    )
    table.to_csv(given.out / "table.csv", index=False)
    print(table.to_string(index=False))

    # What a run leaves behind is a predictor: it takes raw pixels and answers with names.
    predictor = qimlp.Predictor.load(result.folder)
    images = predictor.read("mnist", labelled=True)
    assert images.labels is not None
    draw(result, images.inputs.numpy(), images.labels.numpy(), predictor, given.out / "answers.png")
    print(f"table.csv, answers.png and the run are in {given.out}")


def draw(
    result: RunResult,
    pixels: np.ndarray,
    labels: np.ndarray,
    predictor: qimlp.Predictor,
    path: Path,
) -> None:
    """Draw accuracy by epoch beside ten right and ten wrong answers."""
    probabilities = predictor.predict_proba(pixels)
    answers, sure = probabilities.argmax(axis=1), probabilities.max(axis=1)
    right = np.flatnonzero(answers == labels)[:10]
    wrong = np.flatnonzero(answers != labels)
    wrong = wrong[np.argsort(-sure[wrong])][:10]

    figure = Figure(figsize=(9, 3.3), layout="constrained")
    left, middle = figure.subfigures(1, 2, width_ratios=(2, 3))
    axes = left.subplots()
    epochs = range(1, len(result.dev_curve) + 1)
    axes.plot(epochs, result.dev_curve, color=BLUE, marker="o", markersize=3)
    axes.axhline(result.test["accuracy"], color="#999999", linewidth=1, linestyle="--")
    axes.set_title(f"dev accuracy; dashed: test {result.test['accuracy']:.4f}", fontsize=9)
    axes.set_xlabel("epoch")
    axes.spines[["top", "right"]].set_visible(False)

    panels = middle.subplots(4, 5).ravel()
    for axes, row in zip(panels, [*right, *wrong], strict=False):
        axes.imshow(pixels[row].reshape(28, 28), cmap="gray_r")
        correct = answers[row] == labels[row]
        text = f"{answers[row]}" if correct else f"{answers[row]}, not {labels[row]}"
        axes.set_title(f"{text} ({sure[row]:.0%})", fontsize=8, color=BLUE if correct else RED)
    for axes in panels:
        axes.set_axis_off()
    middle.suptitle("first right answers, and the surest mistakes", fontsize=9)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
