"""The figure of a report: parameters before and after, and errors, layer by layer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.axes import Axes

from qimlp.correlation.figures import BLUE, GREEN, GREY, INK, VERMILION, new_figure, plain, save_png
from qimlp.files import printable

if TYPE_CHECKING:
    from qimlp.compression.report.layer import LayerReport
    from qimlp.compression.report.report import CompressionReport

_FORM_COLOURS = {"low_rank": BLUE, "kronecker": VERMILION, "dense": GREY}
_FORM_NAMES = {"low_rank": "low rank", "kronecker": "Kronecker", "dense": "dense"}


def plot_report(report: CompressionReport, path: Path) -> None:
    """Draw a report and write one PNG file.

    Left, the parameters of every layer before (a line) and after (a bar in the colour of its form);
    right, its relative output error as fitted and after tuning, or its weight's error where no
    output error is known.

    Args:
        report: The report.
        path: The file.

    Raises:
        ValueError: If no layer was looked at.
        OSError: If it cannot be written.
    """
    if not report.layers:
        raise ValueError("expected a report with layers to draw, got one without any")
    figure = new_figure(11, min(1.6 + 0.26 * len(report.layers), 60))
    sizes, errors = figure.subplots(1, 2, sharey=True, width_ratios=(1.2, 1))
    _draw_sizes(sizes, report.layers)
    _draw_errors(errors, report.layers)
    names = [printable(layer.name, 50) for layer in report.layers]
    sizes.set_yticks(range(len(names)), names, parse_math=False)
    sizes.invert_yaxis()
    for axes in (sizes, errors):
        axes.title.set(fontsize=11, color=INK)
        plain(axes, "x")
    style = {"frameon": False, "labelcolor": INK, "fontsize": 9, "ncols": 6}
    figure.legend(loc="outside lower center", **style)
    save_png(figure, path)


def _draw_sizes(axes: Axes, layers: tuple[LayerReport, ...]) -> None:
    for form, colour in _FORM_COLOURS.items():
        places = [i for i, layer in enumerate(layers) if layer.form == form]
        widths = [layers[i].parameters_after for i in places]
        if places:
            axes.barh(places, widths, color=colour, height=0.6, label=_FORM_NAMES[form])
    before = [layer.parameters_before for layer in layers]
    axes.scatter(before, range(len(layers)), marker="|", s=90, color=INK, label="before")
    axes.set_xscale("log")
    least = min(layer.parameters_after for layer in layers)
    axes.set_xlim(max(least / 3, 0.5), max(before) * 1.6)
    axes.set_title("Parameters (log scale)")


def _draw_errors(axes: Axes, layers: tuple[LayerReport, ...]) -> None:
    fitted = [layer.error for layer in layers]
    tuned = [layer.tuned_error for layer in layers]
    of_output = any(value is not None for value in fitted + tuned)
    if not of_output:
        fitted = [layer.weight_error for layer in layers]
    for values, colour, marker, label in (
        (fitted, BLUE, "o", "as fitted"),
        (tuned, GREEN, "D", "after tuning"),
    ):
        known = [(value, place) for place, value in enumerate(values) if value is not None]
        if known:
            at, places = zip(*known, strict=True)
            axes.scatter(at, places, marker=marker, s=34, color=colour, label=label)
    axes.set_xlim(left=0)
    axes.set_title("Relative output error" if of_output else "Relative error of the weight")
