"""A Kronecker product, its use on a vector, and a sum of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from docs.images.mathematics.canvas import BLUE, GREEN, GREY, ORANGE, VIOLET, Canvas, tint

A = np.array([[1, 2], [3, 0]])
B = np.array([[1, 0, 2], [0, 1, 1]])


def shades(values: Any, colour: str, least: float = 0.12, most: float = 0.62) -> list[list[Any]]:
    """A colour for every entry, stronger for larger ones."""
    sizes = np.abs(np.asarray(values, dtype=float))
    shares = least + (most - least) * sizes / sizes.max()
    return [[tint(colour, float(share)) for share in row] for row in shares]


def kronecker_product() -> Figure:
    """`A (x) B` with numbers: every entry of A becomes a block."""
    canvas = Canvas(19, 6.6)
    product = np.kron(A, B)
    blocks = np.kron(A, np.ones_like(B))
    left = canvas.cells(A, (0.7, 2.3), shades(A, BLUE))
    middle = canvas.cells(B, (4.5, 2.3), shades(B, ORANGE, most=0.5))
    canvas.text(r"$\otimes$", (3.6, 3.3), size=17)
    canvas.text("=", (8.5, 3.3), size=17)
    canvas.cells(product, (9.6, 1.3), shades(blocks, BLUE))
    for i in range(2):
        for j in range(2):
            canvas.frame((9.6 + 3 * j, 1.3 + 2 * i), 3, 2)
    canvas.text(r"$A$  (2 × 2)", (left[0], 5.0))
    canvas.text(r"$B$  (2 × 3)", (middle[0], 5.0))
    canvas.text(r"$A \otimes B$  (4 × 6)", (12.6, 6.0))
    canvas.text(r"block $(1, 2)$ is $A_{12}\,B$", (12.6, 0.6))
    for row, words in enumerate([r"$p=1,\ r=1$", r"$p=1,\ r=2$", r"$p=2,\ r=1$", r"$p=2,\ r=2$"]):
        canvas.text(words, (15.9, 1.8 + row), size=10, ha="left")
    return canvas.figure


def matrix_view() -> Figure:
    """The product with a vector as a two-sided product with a matrix."""
    canvas = Canvas(23.4, 6.9)
    x = np.arange(1, 7).reshape(2, 3)
    y = A @ x @ B.T
    rows = [GREEN, GREY]
    colours = [[tint(rows[i], 0.45)] * 3 for i in range(2)]
    column = [[colour] for row in colours for colour in row]
    canvas.cells(x.reshape(-1, 1), (0.6, 0.3), column)
    canvas.text(r"$x$", (2.2, 3.3))
    canvas.arrow((2.0, 2.6), (4.1, 2.6))
    canvas.text("rows", (3.05, 2.1), size=9.5)
    canvas.cells(A, (5.1, 1.6), shades(A, BLUE))
    canvas.text(r"$\cdot$", (7.6, 2.6), size=17)
    canvas.cells(x, (8.1, 1.6), colours)
    canvas.text(r"$\cdot$", (11.6, 2.6), size=17)
    canvas.cells(B.T, (12.1, 1.1), shades(B.T, ORANGE, most=0.5))
    canvas.text("=", (14.9, 2.6), size=17)
    canvas.cells(y, (15.6, 1.6), [[tint(BLUE, 0.2)] * 2, [tint(ORANGE, 0.25)] * 2])
    canvas.arrow((18.2, 2.6), (20.3, 2.6))
    canvas.text("rows", (19.2, 2.1), size=9.5)
    out = [[tint(BLUE, 0.2)]] * 2 + [[tint(ORANGE, 0.25)]] * 2
    canvas.cells(y.reshape(-1, 1), (20.8, 0.6), out)
    canvas.text(r"$y$", (22.3, 2.6))
    for words, at in (
        (r"$A$", 6.1),
        (r"$X$  (2 × 3)", 9.6),
        (r"$B^{\mathsf{T}}$", 13.1),
        (r"$Y$", 16.6),
    ):
        canvas.text(words, (at, 4.8))
    canvas.text(
        r"$(A \otimes B)\,x$  is  $A\,X\,B^{\mathsf{T}}$: "
        "10 numbers are held and 20 multiplied, not 24 and 24",
        (12.6, 6.1),
        size=11,
    )
    return canvas.figure


def rank_sum() -> Figure:
    """A sum of products: each is as wide as the weight, and made of few numbers."""
    canvas = Canvas(23.2, 7.6)
    lefts, rights = _terms()
    products = [np.kron(left, right) for left, right in zip(lefts, rights, strict=True)]
    whole = sum(products)
    most = np.abs(whole).max()
    canvas.cells(whole, (0.6, 2.4), _signed(whole, GREEN, most), size=0.5, numbers=False)
    canvas.text(r"$W$  (8 × 8)", (2.6, 7.0))
    for term, (left, right) in enumerate(zip(lefts, rights, strict=True)):
        at = 6.6 + 5.6 * term
        canvas.text("=" if term == 0 else "+", (at - 1.0, 4.4), size=17)
        canvas.cells(left, (at + 0.45, 0.9), _signed(left, BLUE), size=0.4, numbers=False)
        canvas.text(r"$\otimes$", (at + 1.65, 1.3), size=12)
        canvas.cells(right, (at + 2.05, 0.5), _signed(right, ORANGE), size=0.4, numbers=False)
        shades_of = _signed(products[term], GREEN, most)
        canvas.cells(products[term], (at, 2.4), shades_of, size=0.5, numbers=False)
        number = term + 1
        canvas.text(rf"$A_{number} \otimes B_{number}$", (at + 2.0, 7.0))
    return canvas.figure


def _signed(values: Any, colour: str, most: float | None = None) -> list[list[Any]]:
    """The colour for entries above zero, violet for those below, stronger for larger ones."""
    most = float(np.abs(values).max()) if most is None else most
    return [
        [tint(colour if v > 0 else VIOLET, 0.05 + 0.9 * min(1.0, abs(v) / most)) for v in row]
        for row in values
    ]


def _terms() -> tuple[list[Any], list[Any]]:
    """The three largest terms of a smooth weight, as its nearest Kronecker sum has them."""
    grid = np.linspace(-1, 1, 8)
    weight = np.exp(-4 * (grid[:, None] - 0.9 * grid) ** 2) * np.cos(3 * grid + grid[:, None])
    rows = weight.reshape(2, 4, 2, 4).transpose(0, 2, 1, 3).reshape(4, 16)
    left, sizes, right = np.linalg.svd(rows, full_matrices=False)
    roots = np.sqrt(sizes)
    signs = np.sign(left[np.abs(left).argmax(axis=0), range(4)])  # an SVD leaves them open
    roots = signs * roots
    return (
        [(roots[c] * left[:, c]).reshape(2, 2) for c in range(3)],
        [(roots[c] * right[c]).reshape(4, 4) for c in range(3)],
    )
