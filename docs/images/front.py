"""`python -m docs.images.front` draws the picture of the front page from the stored results."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpecFromSubplotSpec

from qimlp.correlation.figures import BLUE, GREY, INK, ORANGE, new_figure, plain, save_png
from qimlp.files import read_json_lines

FOLDER = Path(__file__).parent
RESULTS = FOLDER.parent / "reproduction" / "results" / "mnist.jsonl"
OURS = ("3b", "3b-rank2", "2b", "2b-rank2", "2b-rank4")
ORDINARY = {"narrow": "narrow", "shallow": "one hidden layer", "low-rank": "low-rank"}


def measured() -> dict[str, tuple[int, float]]:
    """Parameters and mean test accuracy of every network, by our recipe."""
    found: dict[str, list[tuple[int, float]]] = {}
    for row in read_json_lines(RESULTS, what="the results on MNIST"):
        _, network, recipe, _ = row["cell"].split("/")
        if recipe == "tuned":
            found.setdefault(network, []).append((row["parameters"], row["test_accuracy"]))
    return {
        network: (values[0][0], sum(value for _, value in values) / len(values))
        for network, values in found.items()
    }


def draw_product(figure: Figure, place: object) -> None:
    """Show what a weight is made of: every entry of one factor times all of the other."""
    numbers = np.random.default_rng(4)
    first, second = numbers.normal(size=(4, 4)), numbers.normal(size=(4, 4))
    grid = GridSpecFromSubplotSpec(1, 5, place, width_ratios=(1, 0.25, 1, 0.25, 3.2))  # type: ignore[arg-type]
    for column, values in ((0, first), (2, second), (4, np.kron(first, second))):
        axes = figure.add_subplot(grid[column])
        most = np.abs(values).max()
        axes.imshow(values, cmap="RdBu", vmin=-most, vmax=most)
        axes.set_axis_off()
        if column == 4:
            axes.set_title("784 x 784: 614,656 numbers", fontsize=9, color=INK)
        else:
            axes.set_title("28 x 28: 784", fontsize=9, color=INK)
    for column, sign in ((1, "\N{CIRCLED TIMES}"), (3, "=")):
        axes = figure.add_subplot(grid[column])
        axes.text(0.5, 0.5, sign, ha="center", va="center", fontsize=16, color=INK)
        axes.set_axis_off()


def draw_accuracy(axes: Axes, found: Mapping[str, tuple[int, float]]) -> None:
    """Show test accuracy against parameters."""
    sizes, accuracies = zip(*(found[name] for name in OURS), strict=True)
    axes.plot(sizes, accuracies, "o-", color=BLUE, linewidth=2)
    axes.text(430, 0.9905, "Kronecker layers", color=BLUE, fontsize=10, weight="bold")
    for name, label in ORDINARY.items():
        pair = [found[f"{name}-mlp-as-{ours}"] for ours in ("2b", "2b-rank4")]
        sizes, accuracies = zip(*pair, strict=True)
        axes.plot(sizes, accuracies, "o--", color=ORANGE, linewidth=1, markersize=5)
        shift = {"narrow": -4, "shallow": 4}.get(name, 0)
        axes.annotate(
            label,
            (sizes[0], accuracies[0]),
            (-6, shift),
            textcoords="offset points",
            ha="right",
            va="center",
            fontsize=8.5,
            color=ORANGE,
        )
    axes.text(17000, 0.945, "ordinary networks\nof as many parameters", color=ORANGE, fontsize=10)
    size, accuracy = found["mlp"]
    axes.plot(size, accuracy, "o", color=GREY)
    axes.text(size, 0.976, f"classic MLP\n{size:,}", ha="center", va="top", fontsize=9, color=INK)
    for name in ("2b", "2b-rank4"):
        size, accuracy = found[name]
        place = (size, accuracy - 0.005) if name == "2b" else (size, accuracy + 0.0035)
        side = ("left", "top") if name == "2b" else ("center", "bottom")
        axes.text(*place, f"{size:,}", ha=side[0], va=side[1], fontsize=9, color=BLUE)
    axes.set_xscale("log")
    axes.set(xlim=(380, 3e6), ylim=(0.855, 1.002))
    axes.set_title("MNIST: test accuracy against parameters", fontsize=10, color=INK)
    plain(axes)


def draw(path: Path) -> None:
    """Write the picture."""
    with rc_context({"font.family": "DejaVu Sans"}):
        figure = new_figure(11, 3.4)
        outer = figure.add_gridspec(1, 2, width_ratios=(1, 1.15), wspace=0.08)
        draw_product(figure, outer[0])
        draw_accuracy(figure.add_subplot(outer[1]), measured())
        save_png(figure, path)


if __name__ == "__main__":
    draw(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER / "front.png")
