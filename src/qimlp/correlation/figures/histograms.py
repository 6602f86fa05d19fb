"""The paper's Figs. 6 and 7: how strong correlation is distributed over samples, layer by layer."""

from __future__ import annotations

from math import ceil, floor
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from qimlp.correlation.figures.style import (
    BASELINE_STYLES,
    INK,
    SKY,
    VERMILION,
    caption,
    dress,
    headline,
    layer_names,
    new_figure,
    save_png,
)
from qimlp.correlation.networks.histogram import Histogram
from qimlp.correlation.networks.measure import STAGES
from qimlp.correlation.networks.report import CorrelationReport, LayerReport

_BARS = 60


def plot_histograms(report: CorrelationReport, path: Path, *, title: str = "") -> None:
    """Write `draw_histograms` to one PNG file.

    Args:
        report: From `analyze`.
        path: The file.
        title: Of the figure.

    Raises:
        OSError: If it cannot be written.
    """
    save_png(draw_histograms(report, title=title), path)


def draw_histograms(report: CorrelationReport, *, title: str = "") -> Figure:
    """Draw one histogram of C per layer and stage.

    Bars above the classical level, C > 0, have the second colour. Marks above the bars show where
    the baselines' means lie.

    Args:
        report: From `analyze`.
        title: Of the figure.

    Returns:
        The figure.
    """
    names = layer_names([layer.place for layer in report.layers])
    stages = [s for s in STAGES if any(layer.place.stage == s for layer in report.layers)]
    figure = new_figure(max(2.9 * len(names), 7.2), 1.5 + 2.4 * len(stages))
    grid = figure.subplots(len(stages), len(names), sharex=True, squeeze=False)
    low, step = _bars([layer.measured.histogram for layer in report.layers])
    drawn = {(layer.place.stage, layer.place.layer): layer for layer in report.layers}
    for row, stage in zip(grid, stages, strict=True):
        for axes, name in zip(row, names, strict=True):
            if (stage, name) not in drawn:
                axes.set_axis_off()
                continue
            layer = drawn[stage, name]
            _draw(axes, layer, low, step)
            caption(axes, f"{names[name]}, {stage} activation")
            dress(axes, grid="none")
        row[0].set_ylabel("samples")
    for axes in grid[-1]:
        axes.set_xlabel(f"strong correlation C ({report.unit})")
    present = {b.name for layer in report.layers for b in layer.baselines}
    handles: list[Patch | Line2D] = [
        Patch(color=SKY, label="C ≤ 0: classical (CC)"),
        Patch(color=VERMILION, label="C > 0: strong (SC)"),
    ]
    handles += [
        Line2D([], [], color=colour, marker=marker, linestyle="", markersize=5, label=text)
        for name, (colour, marker, text) in BASELINE_STYLES.items()
        if name in present
    ]
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=3 if len(names) < 4 else 4,
        title="marks above the bars: means of the baselines",
        title_fontsize=8.5,
        frameon=False,
        labelcolor=INK,
        fontsize=8.5,
    )
    headline(figure, title, f"strong correlation of {report.samples:,} samples")
    return figure


def _draw(axes: Axes, layer: LayerReport, low: float, step: float) -> None:
    measured = layer.measured
    heights = _rebinned(measured.histogram, low, step)
    edges = [low + i * step for i in range(len(heights))]
    colours = [VERMILION if edge >= -step / 2 else SKY for edge in edges]
    axes.bar(edges, heights, width=step, align="edge", color=colours, linewidth=0)
    top = max(heights)
    axes.vlines(0, 0, 1.05 * top, color=INK, linewidth=0.8, linestyle=(0, (3, 3)))
    for row, baseline in enumerate(layer.baselines):
        colour, marker, _ = BASELINE_STYLES[baseline.name]
        axes.plot(
            baseline.strong.mean,
            (1.08 + 0.06 * row) * top,
            marker=marker,
            color=colour,
            markersize=5,
            linestyle="",
            clip_on=False,
        )
    axes.set_ylim(0, (1.28 + 0.06 * len(layer.baselines)) * top)
    # Counts as far as the bars go; above them are marks.
    axes.set_yticks([t for t in MaxNLocator(3, integer=True).tick_values(0, top) if 0 <= t <= top])
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.text(
        0.0,
        0.995,
        f"mean {measured.strong.mean:.2f};  C > 0 in {_percent(measured.share_above.mean)} of "
        f"{measured.samples:,}",
        transform=axes.transAxes,
        va="top",
        color=INK,
        fontsize=8.5,
    )


def _percent(share: float) -> str:
    """A share in percent that says 100 % only of all samples, and 0 % only of none."""
    if share in (0, 1):
        return f"{share:.0%}"
    return f"{min(max(share, 0.0001), 0.9999):.2%}" if not 0.01 < share < 0.99 else f"{share:.1%}"


def _bars(histograms: list[Histogram]) -> tuple[float, float]:
    """Lower end and width of the bars of all panels; zero is an edge, and all samples fit."""
    lows = [h.edge(next(i for i, c in enumerate(h.counts) if c)) for h in histograms]
    highs = [
        h.edge(len(h.counts) - next(i for i, c in enumerate(reversed(h.counts)) if c))
        for h in histograms
    ]
    low, high = min(0.0, *lows), max(0.0, *highs)
    step = (high - low) / _BARS
    return floor(low / step - 0.5) * step, step


def _rebinned(histogram: Histogram, low: float, step: float) -> list[float]:
    """Counts in wider bars; a bin over an edge is shared out between its two bars."""
    heights = [0.0] * (_BARS + 4)
    for i, count in enumerate(histogram.counts):
        if not count:
            continue
        start, end = histogram.edge(i), histogram.edge(i + 1)
        first = floor((start - low) / step + 1e-9)
        last = max(first, ceil((end - low) / step - 1e-9) - 1)
        for bar in range(first, last + 1):
            overlap = min(end, low + (bar + 1) * step) - max(start, low + bar * step)
            heights[min(max(bar, 0), len(heights) - 1)] += count * overlap / histogram.width
    return heights
