"""What all figures of the project share: colours, plain axes, the way to a file."""

from __future__ import annotations

import io
import textwrap
from pathlib import Path

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from qimlp.correlation.networks.layers import Place
from qimlp.files import write_bytes
from qimlp.shapes import format_dims

# Okabe and Ito's palette, told apart with every common kind of colour vision.
BLUE: str = "#0072B2"
VERMILION: str = "#D55E00"
GREEN: str = "#009E73"
PURPLE: str = "#CC79A7"
ORANGE: str = "#E69F00"
SKY: str = "#56B4E9"
BLACK: str = "#000000"
COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK)
"""Of lines and groups, in this order."""
INK: str = "#333333"
FAINT: str = "#DDDDDD"
GREY: str = "#999999"

_LETTER_INCHES = 0.1
"""Of a title's type."""

#: Baseline -> (colour, marker, short name); shape and name tell them apart without colour too.
BASELINE_STYLES = {
    "untrained": (BLUE, "o", "same network, untrained"),
    "shuffled": (GREEN, "s", "shuffled between samples"),
    "permuted": (PURPLE, "D", "permuted across bodies"),
    "random": (BLACK, "x", "random vector"),
    "mlp": (ORANGE, "^", "classic MLP, trained"),
    "untrained_mlp": (ORANGE, "v", "classic MLP, untrained"),
    "control": (ORANGE, "P", "control"),
}


def new_figure(width: float, height: float) -> Figure:
    """Make an empty figure.

    Args:
        width: Inches.
        height: Inches.

    Returns:
        The figure, with its canvas.
    """
    figure = Figure(figsize=(width, height), dpi=150, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def plain(axes: Axes, grid: str = "y") -> None:
    """Take away what carries no information.

    Args:
        axes: The axes.
        grid: Across which axis thin lines run: `"x"`, `"y"`, or anything else for none.
    """
    if grid in ("x", "y"):
        axes.grid(visible=True, axis="x" if grid == "x" else "y", color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(GREY)
    axes.tick_params(length=0, colors=INK, labelsize=9)


def dress(axes: Axes, grid: str = "y") -> None:
    """Give labels their size, and take away what carries no information.

    Args:
        axes: The axes, with their labels.
        grid: As in `plain`.
    """
    axes.xaxis.label.set(fontsize=9.5, color=INK)
    axes.yaxis.label.set(fontsize=9.5, color=INK)
    plain(axes, grid)


def caption(axes: Axes, text: str, size: float = 10) -> None:
    """Write a panel's title, on the left.

    Args:
        axes: The panel.
        text: The title.
        size: Of its type, in points.
    """
    axes.set_title(text, loc="left", fontsize=size, color=INK)


def headline(figure: Figure, of: str, what: str) -> None:
    """Write the figure's title.

    Args:
        figure: The figure.
        of: Name of the network that is shown; may be empty.
        what: What is shown.
    """
    title = f"{of}: {what}" if of else what[0].upper() + what[1:]
    title = textwrap.fill(title, int(figure.get_figwidth() / _LETTER_INCHES))
    style = {"x": 0.012, "ha": "left", "fontsize": 12, "weight": "bold", "color": INK}
    figure.suptitle(title, **style, parse_math=False)


def layer_names(places: list[Place]) -> dict[str, str]:
    """Name layers for a reader, counted in the order of appearance.

    Args:
        places: Where states are read off; a layer may stand there at both stages.

    Returns:
        For `layers.0` a text such as `layer 1 (28x28)`.
    """
    known = {place.layer: place.dims for place in places}
    return {
        layer: f"layer {i} ({format_dims(dims)})"
        for i, (layer, dims) in enumerate(known.items(), start=1)
    }


def save_png(figure: Figure, path: Path) -> None:
    """Write a PNG file, whole or not at all.

    Args:
        figure: The figure.
        path: The file.

    Raises:
        OSError: If it cannot be written.
    """
    image = io.BytesIO()
    figure.savefig(image, format="png")
    write_bytes(path, image.getvalue())


def to_svg(figure: Figure) -> str:
    """Render a figure; equal figures give equal texts.

    Args:
        figure: The figure.

    Returns:
        An `<svg>` document.
    """
    out = io.BytesIO()
    with rc_context({"svg.hashsalt": "qimlp", "svg.fonttype": "none"}):
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return out.getvalue().decode("utf-8")
