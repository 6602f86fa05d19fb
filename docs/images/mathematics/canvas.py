"""What the figures have in common: a white card, colours that print, matrices as cells."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Polygon, Rectangle

BLUE, ORANGE, GREEN, VIOLET = "#2f6db3", "#d9780f", "#2f8f5b", "#8458a8"
GREY, INK = "#8a8f98", "#22262b"

STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "mathtext.fontset": "dejavusans",
    "svg.fonttype": "path",
    "svg.hashsalt": "qimlp",
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}
"""The same file each time, and in any browser."""


def tint(colour: str, share: float) -> tuple[float, float, float]:
    """Mix a colour with white: all of it at 1, white at 0."""
    red, green, blue = mpl.colors.to_rgb(colour)
    return 1 - share * (1 - red), 1 - share * (1 - green), 1 - share * (1 - blue)


class Canvas:
    """A white card with equal units on both axes, y downwards.

    Args:
        width: In units.
        height: In units.
        unit: Inches of one unit.
    """

    def __init__(self, width: float, height: float, unit: float = 0.4) -> None:
        self.figure = Figure(figsize=(width * unit, height * unit), facecolor="white")
        self.axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.set(xlim=(0, width), ylim=(height, 0))
        self.axes.axis("off")

    def cells(
        self,
        values: Sequence[Sequence[Any]],
        at: tuple[float, float],
        colours: Sequence[Sequence[Any]],
        *,
        size: float = 1.0,
        numbers: bool = True,
    ) -> tuple[float, float]:
        """Draw a matrix, one square for each entry.

        Args:
            values: What stands in the cells.
            at: The upper left corner.
            colours: Of the cells.
            size: Side of a cell.
            numbers: Whether the values are written.

        Returns:
            The middle of the matrix.
        """
        left, top = at
        for i, row in enumerate(values):
            for j, value in enumerate(row):
                corner = (left + j * size, top + i * size)
                self.axes.add_patch(
                    Rectangle(
                        corner,
                        size,
                        size,
                        facecolor=colours[i][j],
                        edgecolor="white",
                        lw=1,
                        clip_on=False,
                    )
                )
                if numbers:
                    middle = (corner[0] + size / 2, corner[1] + size / 2)
                    self.text(str(value), middle, size=11 * min(1.0, size + 0.1))
        return left + len(values[0]) * size / 2, top + len(values) * size / 2

    def frame(
        self, at: tuple[float, float], width: float, height: float, colour: str = INK
    ) -> None:
        """Draw a thick frame around cells."""
        self.axes.add_patch(
            Rectangle(at, width, height, facecolor="none", edgecolor=colour, lw=1.8, clip_on=False)
        )

    def face(self, corners: Sequence[tuple[float, float]], colour: Any) -> None:
        """Draw one visible face of a cell in space."""
        self.axes.add_patch(
            Polygon(corners, facecolor=colour, edgecolor="white", lw=0.8, clip_on=False)
        )

    def text(
        self,
        words: str,
        at: tuple[float, float],
        *,
        size: float = 11,
        colour: str = INK,
        **more: Any,
    ) -> None:
        """Write words around a point."""
        aligned = {"ha": "center", "va": "center", **more}
        self.axes.text(*at, words, fontsize=size, color=colour, **aligned)

    def arrow(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Draw an arrow."""
        self.axes.add_patch(
            FancyArrowPatch(
                start, end, arrowstyle="-|>", mutation_scale=13, color=GREY, lw=1.4, clip_on=False
            )
        )


def save(figure: Figure, path: Path) -> None:
    """Write a figure as an SVG without a date."""
    figure.savefig(path, format="svg", metadata={"Date": None}, facecolor="white")
