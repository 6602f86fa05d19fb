"""Three bodies: the input is a tensor, and every factor turns one of its modes."""

from __future__ import annotations

from itertools import product
from typing import Any

from matplotlib.figure import Figure

from docs.images.mathematics.canvas import BLUE, GREEN, GREY, ORANGE, Canvas, tint

_COLOURS = (BLUE, ORANGE, GREEN)
_STEPS = (((3, 4, 2), (2, 4, 2)), ((2, 4, 2), (2, 3, 2)), ((2, 3, 2), (2, 3, 4)))


def bodies() -> Figure:
    """Three mode products, one after the other, with the fibre that each of them turns."""
    canvas = Canvas(30, 8.2, 0.33)
    places = (1.0, 9.2, 16.6, 23.3)
    shapes = [_STEPS[0][0], *(after for _, after in _STEPS)]
    for number, (shape, at) in enumerate(zip(shapes, places, strict=True)):
        _block(canvas, shape, (at, 1.6), number if number < 3 else None)
        name = (r"$X$", "", "", r"$Y$")[number]
        sizes = " × ".join(map(str, shape))
        canvas.text(f"{name}  {sizes}".strip(), (at + shape[1] / 2 + 0.5, 6.4))
    for number, ((before, after), at) in enumerate(zip(_STEPS, places, strict=False)):
        start = at + before[1] + 0.75 * before[2] * 0.62 + 0.5
        end = places[number + 1] - 0.3
        canvas.arrow((start, 3.4), (end, 3.4))
        middle = (start + end) / 2
        canvas.text(rf"$W^{number + 1}$", (middle, 2.7), colour=_COLOURS[number])
        canvas.text(
            f"{after[number]} × {before[number]}",
            (middle, 4.1),
            size=9.5,
            colour=_COLOURS[number],
        )
    canvas.text(
        "every fibre along mode $i$ (coloured) is multiplied by $W^i$: the other modes do not mix",
        (15, 7.6),
    )
    return canvas.figure


def _block(
    canvas: Canvas, shape: tuple[int, int, int], at: tuple[float, float], mode: int | None
) -> None:
    """Draw a tensor: mode 1 downwards, mode 2 to the right, mode 3 backwards."""

    def place(i: float, j: float, k: float) -> tuple[float, float]:
        return at[0] + j + 0.62 * k * 0.75, at[1] + i - 0.62 * k * 0.75 + 0.9

    rows, columns, depth = shape
    for i, j in product(range(rows), range(columns)):
        colour = _colour((i, j, 0), mode)
        canvas.face(
            [place(i, j, 0), place(i, j + 1, 0), place(i + 1, j + 1, 0), place(i + 1, j, 0)], colour
        )
    for j, k in product(range(columns), range(depth)):
        colour = _colour((0, j, k), mode, 0.75)
        canvas.face(
            [place(0, j, k), place(0, j + 1, k), place(0, j + 1, k + 1), place(0, j, k + 1)], colour
        )
    for i, k in product(range(rows), range(depth)):
        colour = _colour((i, columns - 1, k), mode, 1.25)
        corners = [(i, k), (i, k + 1), (i + 1, k + 1), (i + 1, k)]
        canvas.face([place(a, columns, b) for a, b in corners], colour)


def _colour(cell: tuple[int, int, int], mode: int | None, shade: float = 1.0) -> Any:
    """One fibre has the colour of its mode, all else is grey."""
    fibre = mode is not None and all(
        index == start
        for axis, (index, start) in enumerate(zip(cell, _fibre(mode), strict=True))
        if axis != mode
    )
    return tint(_COLOURS[mode or 0], 0.75 * shade) if fibre else tint(GREY, 0.28 * shade)


def _fibre(mode: int) -> tuple[int, int, int]:
    """Where the coloured fibre lies, so that all of it is seen."""
    return ((0, 1, 0), (1, 0, 0), (0, 2, 0))[mode]
