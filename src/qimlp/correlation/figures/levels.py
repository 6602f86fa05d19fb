"""Mean strong correlation per layer beside its baselines."""

from __future__ import annotations

from pathlib import Path

from matplotlib.axes import Axes

from qimlp.correlation.figures.style import (
    BASELINE_STYLES,
    INK,
    VERMILION,
    caption,
    dress,
    headline,
    layer_names,
    new_figure,
    save_png,
)
from qimlp.correlation.networks.measure import STAGES
from qimlp.correlation.networks.report import CorrelationReport, LayerReport
from qimlp.statistics import Estimate

_WIDTH = 0.66  # of the group of marks of one layer


def plot_levels(report: CorrelationReport, path: Path, *, title: str = "") -> None:
    """Draw mean C and its 95 % interval for the network and every baseline; write one PNG file.

    Args:
        report: From `analyze`.
        path: The file.
        title: Of the figure.

    Raises:
        OSError: If it cannot be written.
    """
    names = layer_names([layer.place for layer in report.layers])
    stages = [s for s in STAGES if any(layer.place.stage == s for layer in report.layers)]
    figure = new_figure(max(2.4 + 2.3 * len(names) * len(stages) * 0.75, 7), 4.4)
    row = figure.subplots(1, len(stages), sharey=True, squeeze=False)[0]
    for axes, stage in zip(row, stages, strict=True):
        layers = [layer for layer in report.layers if layer.place.stage == stage]
        _draw(axes, layers, list(names))
        caption(axes, f"{stage} the activation")
        axes.set_xticks(range(len(names)), [t.replace(" (", "\n(") for t in names.values()])
        axes.set_xlim(-0.55, len(names) - 0.45)
        dress(axes)
    row[0].set_ylabel(f"mean strong correlation C ({report.unit})")
    handles, labels = row[-1].get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=4,
        frameon=False,
        labelcolor=INK,
        fontsize=8.5,
    )
    headline(figure, title, "strong correlation per layer, and what chance gives")
    save_png(figure, path)


def _draw(axes: Axes, layers: list[LayerReport], names: list[str]) -> None:
    axes.axhline(0, color=INK, linewidth=0.8)
    present = [n for n in BASELINE_STYLES if any(layer.baseline(n) for layer in layers)]
    slots = len(present) + 1
    offsets = [_WIDTH * (i / max(slots - 1, 1) - 0.5) for i in range(slots)]
    points = [(names.index(layer.place.layer), layer) for layer in layers]
    _marks(
        axes,
        [x + offsets[0] for x, _ in points],
        [layer.measured.strong for _, layer in points],
        (VERMILION, "o", "this network"),
        size=8,
    )
    for offset, name in zip(offsets[1:], present, strict=True):
        found = [(x, b.strong) for x, layer in points if (b := layer.baseline(name)) is not None]
        _marks(axes, [x + offset for x, _ in found], [e for _, e in found], BASELINE_STYLES[name])


def _marks(
    axes: Axes,
    at: list[float],
    estimates: list[Estimate],
    style: tuple[str, str, str],
    size: float = 5.5,
) -> None:
    colour, marker, label = style
    axes.errorbar(
        at,
        [e.mean for e in estimates],
        yerr=[[e.mean - e.low for e in estimates], [e.high - e.mean for e in estimates]],
        color=colour,
        marker=marker,
        markersize=size,
        linestyle="",
        elinewidth=1.4,
        capsize=2.5,
        label=label,
    )
