"""Figures that set strong correlation against accuracy or training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator

from qimlp.correlation.figures.style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    caption,
    dress,
    headline,
    layer_names,
    new_figure,
    save_png,
)
from qimlp.correlation.networks.relation import relate
from qimlp.correlation.networks.truncation import TruncationCurve
from qimlp.statistics import Estimate

_COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK)
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")


def plot_truncation(curves: Sequence[TruncationCurve], path: Path, *, title: str = "") -> None:
    """Write `draw_truncation` to one PNG file.

    Args:
        curves: From `truncation_curves`.
        path: The file.
        title: Of the figure.

    Raises:
        OSError: If it cannot be written.
    """
    save_png(draw_truncation(curves, title=title), path)


def draw_truncation(curves: Sequence[TruncationCurve], *, title: str = "") -> Figure:
    """Draw accuracy against the Schmidt rank that a layer's output is cut to.

    Args:
        curves: From `truncation_curves`.
        title: Of the figure.

    Returns:
        The figure.
    """
    names = layer_names([curve.place for curve in curves])
    figure = new_figure(max(1.2 + 2.7 * len(curves), 6.4), 3.9)
    row = figure.subplots(1, len(curves), sharey=True, squeeze=False)[0]
    for axes, curve in zip(row, curves, strict=True):
        ranks = [point.rank for point in curve.points]
        for text, colour, marker, line, values in (
            ("its own bodies", VERMILION, "o", "-", [p.accuracy for p in curve.points]),
            ("permuted bodies", BLUE, "s", "--", [p.permuted_accuracy for p in curve.points]),
        ):
            axes.fill_between(
                ranks,
                [v.low for v in values],
                [v.high for v in values],
                color=colour,
                alpha=0.15,
                linewidth=0,
            )
            means = [v.mean for v in values]
            axes.plot(ranks, means, color=colour, marker=marker, linestyle=line, label=text)
        axes.axhline(curve.full.mean, color=GREY, linewidth=1, linestyle=":", label="not cut")
        axes.set_xscale("log", base=2)
        axes.set_xticks(ranks, [str(rank) for rank in ranks])
        axes.xaxis.set_minor_locator(NullLocator())
        caption(axes, f"{names[curve.place.layer]}, {curve.place.stage} activation")
        axes.set_xlabel("Schmidt rank kept")
        dress(axes)
    row[0].set_ylabel("test accuracy")
    handles, labels = row[0].get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=3,
        frameon=False,
        labelcolor=INK,
        fontsize=8.5,
    )
    examples = curves[0].full.count
    headline(
        figure, title, f"accuracy when one layer's Schmidt spectrum is cut ({examples:,} examples)"
    )
    return figure


def plot_epochs(
    epochs: Sequence[int],
    strong: Mapping[str, Sequence[Estimate]],
    unit: str,
    path: Path,
    *,
    title: str = "",
) -> None:
    """Write `draw_epochs` to one PNG file.

    Args:
        epochs: Numbers of the checkpoints; 0 is the untrained network.
        strong: For each layer's name one estimate per checkpoint.
        unit: Of entropies.
        path: The file.
        title: Of the figure.

    Raises:
        OSError: If it cannot be written.
    """
    save_png(draw_epochs(epochs, strong, unit, title=title), path)


def draw_epochs(
    epochs: Sequence[int],
    strong: Mapping[str, Sequence[Estimate]],
    unit: str,
    *,
    title: str = "",
) -> Figure:
    """Draw mean C of every layer over training.

    Args:
        epochs: Numbers of the checkpoints; 0 is the untrained network.
        strong: For each layer's name one estimate per checkpoint.
        unit: Of entropies.
        title: Of the figure.

    Returns:
        The figure.
    """
    figure = new_figure(6.4, 4.0)
    axes = figure.subplots()
    for i, (name, values) in enumerate(strong.items()):
        colour = _COLOURS[i % len(_COLOURS)]
        axes.fill_between(
            epochs,
            [v.low for v in values],
            [v.high for v in values],
            color=colour,
            alpha=0.18,
            linewidth=0,
        )
        marker = _MARKERS[i % len(_MARKERS)]
        axes.plot(epochs, [v.mean for v in values], color=colour, marker=marker, label=name)
    axes.set_xlabel("epoch")
    axes.set_ylabel(f"mean strong correlation C ({unit})")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(frameon=False, labelcolor=INK, fontsize=8.5)
    dress(axes)
    headline(figure, title, "strong correlation over training")
    return figure


def plot_relation(
    points: Mapping[str, Mapping[str, Sequence[tuple[float, float]]]],
    unit: str,
    path: Path,
    *,
    title: str = "",
) -> None:
    """Write `draw_relation` to one PNG file.

    Args:
        points: For each layer's name and each network's name the pairs (C, accuracy) of its seeds.
        unit: Of entropies.
        path: The file.
        title: Of the figure.

    Raises:
        OSError: If it cannot be written.
    """
    save_png(draw_relation(points, unit, title=title), path)


def draw_relation(
    points: Mapping[str, Mapping[str, Sequence[tuple[float, float]]]],
    unit: str,
    *,
    title: str = "",
) -> Figure:
    """Draw accuracy against mean C, one panel per layer.

    Args:
        points: For each layer's name and each network's name the pairs (C, accuracy) of its seeds.
        unit: Of entropies.
        title: Of the figure.

    Returns:
        The figure.
    """
    figure = new_figure(max(1.2 + 2.7 * len(points), 6.4), 3.9)
    row = figure.subplots(1, len(points), sharey=True, squeeze=False)[0]
    labels = list(dict.fromkeys(label for groups in points.values() for label in groups))
    for axes, (layer, groups) in zip(row, points.items(), strict=True):
        for label, pairs in groups.items():
            i = labels.index(label)
            axes.scatter(
                [c for c, _ in pairs],
                [accuracy for _, accuracy in pairs],
                color=_COLOURS[i % len(_COLOURS)],
                marker=_MARKERS[i % len(_MARKERS)],
                s=40,
                alpha=0.8,
                linewidth=0,
                label=label,
            )
        caption(axes, _with_relation(layer, groups))
        axes.set_xlabel(f"mean C ({unit})")
        axes.margins(0.12)
        dress(axes)
    row[0].set_ylabel("test accuracy")
    handles, texts = row[0].get_legend_handles_labels()
    figure.legend(
        handles,
        texts,
        loc="outside lower center",
        ncols=min(len(texts), 4),
        frameon=False,
        labelcolor=INK,
        fontsize=8.5,
    )
    count = sum(len(pairs) for pairs in next(iter(points.values())).values())
    headline(figure, title, f"accuracy against strong correlation, {count} networks")
    return figure


def _with_relation(layer: str, groups: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """The layer and what its marks say: of several kinds, within networks of one kind."""
    kinds = [label for label, pairs in groups.items() for _ in pairs]
    c, accuracy = zip(*(pair for pairs in groups.values() for pair in pairs), strict=True)
    several = len(groups) > 1
    found = relate(c, accuracy, kinds=kinds if several else None)
    if found is None:
        return layer
    of_kinds = " within kinds" if several else ""
    return f"{layer}: r{of_kinds} = {found.pearson:+.2f}, {found.p_words}"
