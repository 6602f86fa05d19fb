"""The figure of a front: scores against parameters."""

from __future__ import annotations

from pathlib import Path

from matplotlib.ticker import NullFormatter

from qimlp.correlation.figures import COLOURS, GREY, INK, new_figure, plain, save_png
from qimlp.training.compressing.front import Front


def plot_front(front: Front, path: Path) -> None:
    """Draw every score against the parameters of the whole network, and write one PNG file.

    Args:
        front: With at least one score.
        path: The file.

    Raises:
        OSError: If it cannot be written.
    """
    figure = new_figure(7, 4.4)
    axes = figure.subplots()
    names = {"original": front.parameters, **{p.name: p.parameters for p in front.points}}
    sizes = list(names.values())
    for colour, score in zip(COLOURS, front.scores, strict=False):
        values = [front.scores[score], *(point.scores[score] for point in front.points)]
        axes.plot(sizes, values, color=colour, linewidth=2, marker="o", label=score)
        if score in front.floor:
            axes.axhline(front.floor[score], color=GREY, linestyle="--", label="mean answer")
    axes.set_xscale("log")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xticks(sizes, [f"{size:,}\n{name}" for name, size in names.items()], parse_math=False)
    axes.set_xlabel("parameters of the whole network (log scale)", color=INK)
    axes.legend(frameon=False, labelcolor=INK, fontsize=9)
    plain(axes)
    style = {"x": 0.012, "ha": "left", "fontsize": 12, "weight": "bold", "color": INK}
    figure.suptitle(front.name, **style, parse_math=False)
    save_png(figure, path)
