"""Mean entanglement spectra of the layers."""

from __future__ import annotations

from pathlib import Path

from matplotlib.ticker import MaxNLocator, NullLocator

from qimlp.correlation.figures.style import (
    COLOURS,
    INK,
    caption,
    dress,
    headline,
    layer_names,
    new_figure,
    save_png,
)
from qimlp.correlation.networks.measure import STAGES
from qimlp.correlation.networks.report import CorrelationReport

_LINES = ("-", "--", "-.", ":")
_SMALLEST = 1e-8  # below is rounding of float32 outputs


def plot_spectra(report: CorrelationReport, path: Path, *, title: str = "") -> None:
    """Draw the mean squared Schmidt coefficients of every layer's first body; write one PNG file.

    Args:
        report: From `analyze`.
        path: The file.
        title: Of the figure.

    Raises:
        OSError: If it cannot be written.
    """
    names = layer_names([layer.place for layer in report.layers])
    stages = [s for s in STAGES if any(layer.place.stage == s for layer in report.layers)]
    figure = new_figure(1.4 + 4.6 * len(stages), 4.0)
    row = figure.subplots(1, len(stages), sharey=True, squeeze=False)[0]
    for axes, stage in zip(row, stages, strict=True):
        for i, (name, text) in enumerate(names.items()):
            for layer in report.layers:
                if layer.place.layer != name or layer.place.stage != stage:
                    continue
                values = [value for value in layer.measured.spectra[0] if value > _SMALLEST]
                axes.plot(
                    range(1, len(values) + 1),
                    values,
                    color=COLOURS[i % len(COLOURS)],
                    linestyle=_LINES[i % len(_LINES)],
                    linewidth=2,
                    marker="o" if len(values) < 8 else "",
                    label=f"{text}: effective rank {layer.measured.effective_rank.mean:.1f}",
                )
        axes.set_yscale("log")
        axes.yaxis.set_minor_locator(NullLocator())
        caption(axes, f"{stage} the activation")
        axes.set_xlabel("Schmidt term")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        dress(axes)
        axes.legend(frameon=False, labelcolor=INK, fontsize=8.5)
    row[0].set_ylabel("mean squared Schmidt coefficient")
    headline(figure, title, "entanglement spectrum of the first body")
    save_png(figure, path)
