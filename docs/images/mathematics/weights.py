"""The rearrangement behind the nearest sum, and how many parameters which rank takes."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from docs.images.mathematics.canvas import BLUE, GREEN, GREY, INK, ORANGE, Canvas, tint
from qimlp.shapes import KroneckerShape

_BLOCKS = (BLUE, ORANGE, GREEN, GREY)


def rearrangement() -> Figure:
    """Blocks of a weight become rows, and a Kronecker product an outer product."""
    canvas = Canvas(24, 7.2)
    values = np.arange(1, 25).reshape(4, 6)
    owner = np.kron(np.array([[0, 1], [2, 3]]), np.ones((2, 3), dtype=int))
    colours = [[tint(_BLOCKS[block], 0.4) for block in row] for row in owner]
    canvas.cells(values, (0.6, 1.0), colours)
    for i in range(2):
        for j in range(2):
            canvas.frame((0.6 + 3 * j, 1.0 + 2 * i), 3, 2)
    canvas.text(r"$W$  (4 × 6)", (3.6, 5.8))
    canvas.arrow((7.0, 3.0), (9.2, 3.0))
    canvas.text("blocks\nto rows", (8.1, 2.0), size=9.5)
    rows = values.reshape(2, 2, 2, 3).transpose(0, 2, 1, 3).reshape(4, 6)
    canvas.cells(rows, (9.6, 1.0), [[tint(colour, 0.4)] * 6 for colour in _BLOCKS])
    canvas.text(r"$\mathcal{R}(W)$  (4 × 6)", (12.6, 5.8))
    canvas.text(r"$\approx$", (16.3, 3.0), size=17)
    names = [[r"$A_{11}$"], [r"$A_{12}$"], [r"$A_{21}$"], [r"$A_{22}$"]]
    canvas.cells(names, (17.0, 1.0), [[tint(colour, 0.4)] for colour in _BLOCKS])
    canvas.cells(
        [[rf"$B_{{{i}{j}}}$" for i in (1, 2) for j in (1, 2, 3)]],
        (18.3, 2.5),
        [[tint(INK, 0.12)] * 6],
        size=0.9,
    )
    canvas.text(
        r"$W \approx A \otimes B$  is  $\mathcal{R}(W) \approx "
        r"\mathrm{vec}(A)\,\mathrm{vec}(B)^{\mathsf{T}}$:"
        "  the nearest is the first term of an SVD",
        (12, 6.7),
    )
    return canvas.figure


def parameters() -> Figure:
    """Entries of a weight 784 -> 784 against the rank."""
    figure = Figure(figsize=(5.8, 4.2), facecolor="white", layout="constrained")
    axes = figure.add_subplot()
    axes.set(xscale="log", yscale="log", xlabel="rank", ylabel="entries of the weight 784 → 784")
    layouts = (
        ((28, 28), (28, 28), BLUE, "-", "two bodies, 28 × 28"),
        ((7, 7, 16), (7, 7, 16), ORANGE, "-", "three bodies, 7 × 7 × 16"),
        ((4, 7, 4, 7), (4, 7, 4, 7), GREEN, "-", "four bodies, 4 × 7 × 4 × 7"),
        ((1, 784), (784, 1), GREY, (0, (2, 3)), "low rank, (1 × 784) → (784 × 1)"),
    )
    dense = 784 * 784
    for ins, outs, colour, style, label in layouts:
        each = KroneckerShape(ins, outs).weight_parameters
        ranks = np.array([1, dense / each])
        axes.plot(
            ranks, each * ranks, color=colour, ls=style, lw=2 if style == "-" else 4, label=label
        )
        axes.plot([1], [each], "o", color=colour, ms=5, clip_on=False)
        axes.annotate(
            f"{each:,}", (1, each), (6, -11), textcoords="offset points", color=colour, fontsize=9
        )
    axes.axhline(dense, color=INK, lw=1.2, ls=":")
    axes.annotate(f"dense: {dense:,}", (1.15, dense * 1.15), color=INK, fontsize=10)
    axes.set(xlim=(1, 9000), ylim=(60, 1.6e6))
    axes.grid(which="major", color="#dddddd", lw=0.7)
    axes.minorticks_off()
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="lower right", fontsize=10)
    return figure
