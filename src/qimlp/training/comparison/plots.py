"""The figure of a comparison: learning curves, the main metric on the test set, size."""

import math
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, NullFormatter, NullLocator

from qimlp.correlation.figures import COLOURS, INK, new_figure, plain, save_png
from qimlp.tasks import Metric
from qimlp.training.comparison.compare import compare
from qimlp.training.runs.result import RunResult


def plot_comparison(results: Sequence[RunResult], path: Path) -> None:
    """Draw the results of several networks and seeds, and write one PNG file.

    Left, the main metric on dev by epoch (mean and range over the seeds); middle, that on the test
    set of every seed and the mean; right, parameters on a logarithmic axis.

    Args:
        results: One or more runs on one data set.
        path: The file.

    Raises:
        OSError: If it cannot be written.
    """
    groups: dict[str, list[RunResult]] = {}
    for result in results:
        groups.setdefault(result.label, []).append(result)
    colours = {label: COLOURS[i % len(COLOURS)] for i, label in enumerate(groups)}
    figure = new_figure(12, 4.2)
    curves, dots, bars = figure.subplots(1, 3, width_ratios=(1.35, 1, 1))
    metric = results[0].main_metric
    _draw_curves(curves, groups, colours, metric)
    _draw_dots(dots, groups, colours, metric)
    _draw_bars(bars, results, colours)
    for axes in (curves, dots, bars):
        axes.title.set(fontsize=11, color=INK)
        plain(axes)
    # The name is the user's: a dollar sign in it begins no formula.
    name = results[0].data
    style = {"x": 0.012, "ha": "left", "fontsize": 14, "weight": "bold", "color": INK}
    figure.suptitle(name, **style, parse_math=False)
    save_png(figure, path)


def _draw_curves(
    axes: Axes, groups: dict[str, list[RunResult]], colours: dict[str, str], metric: Metric
) -> None:
    lowest = math.inf
    for label, group in groups.items():
        length = min(len(result.dev_curve) for result in group)
        by_epoch = [[result.dev_curve[i] for result in group] for i in range(length)]
        epochs = range(1, length + 1)
        means = [sum(values) / len(values) for values in by_epoch]
        lows, highs = [min(v) for v in by_epoch], [max(v) for v in by_epoch]
        axes.fill_between(epochs, lows, highs, color=colours[label], alpha=0.18, linewidth=0)
        marker = "o" if length == 1 else None
        axes.plot(epochs, means, color=colours[label], linewidth=2, marker=marker, label=label)
        # The first epochs would squeeze the rest into the top of the panel.
        lowest = min(lowest, lows[min(length - 1, length // 8)])
    highest = max(max(result.dev_curve) for group in groups.values() for result in group)
    margin = 0.08 * max(highest - lowest, 0.01)
    top = (
        highest + margin if metric.most is None else min(highest + margin, metric.most + margin / 2)
    )
    axes.set_ylim(lowest - margin, top)
    axes.set_title(f"Dev {metric.title} while training")
    axes.set_xlabel("epoch", color=INK)
    axes.margins(x=0.02)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(frameon=False, loc="lower right", labelcolor=INK)


def _draw_dots(
    axes: Axes, groups: dict[str, list[RunResult]], colours: dict[str, str], metric: Metric
) -> None:
    for position, (label, group) in enumerate(groups.items()):
        values = [result.test[metric.name] for result in group]
        count = len(values)
        spread = [position + 0.12 * (i - (count - 1) / 2) for i in range(count)]
        mean = sum(values) / count
        axes.hlines(mean, position - 0.3, position + 0.3, color=colours[label], linewidth=2)
        axes.scatter(spread, values, s=42, color=colours[label], alpha=0.75, linewidth=0)
        axes.annotate(
            f"{mean:.4f}",
            (position + 0.33, mean),
            va="center",
            color=colours[label],
            weight="bold",
        )
    axes.set_xlim(-0.6, len(groups) - 0.15)
    axes.margins(y=0.2)
    axes.set_title(f"Test {metric.title}, one dot per seed")
    axes.set_xticks(range(len(groups)), list(groups))


def _draw_bars(axes: Axes, results: Sequence[RunResult], colours: dict[str, str]) -> None:
    rows = compare(results).rows
    heights = [row.parameters for row in rows]
    axes.bar(
        range(len(rows)),
        heights,
        color=[colours[row.label] for row in rows],
        width=0.55,
    )
    for position, row in enumerate(rows):
        smaller = f"\n{row.compression:.1f}x smaller" if row.compression > 1.05 else ""
        axes.annotate(
            f"{row.parameters:,}{smaller}",
            (position, row.parameters),
            xytext=(0, 4),
            textcoords="offset points",
            ha="center",
            va="bottom",
            color=INK,
        )
    axes.set_yscale("log")
    axes.set_ylim(1, max(heights) * 8)
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_title("Parameters (log scale)")
    axes.set_xticks(range(len(rows)), [row.label for row in rows])
