"""`python -m docs.images.mathematics` draws the figures of the page on mathematics anew."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure

from docs.images.mathematics.bodies import bodies
from docs.images.mathematics.canvas import STYLE, save
from docs.images.mathematics.products import kronecker_product, matrix_view, rank_sum
from docs.images.mathematics.weights import parameters, rearrangement

FOLDER = Path(__file__).parent
FIGURES: dict[str, Callable[[], Figure]] = {
    "kronecker-product": kronecker_product,
    "matrix-view": matrix_view,
    "rank-sum": rank_sum,
    "bodies": bodies,
    "rearrangement": rearrangement,
    "parameters": parameters,
}


def draw(folder: Path) -> None:
    """Write every figure into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with rc_context(STYLE):
        for name, make in FIGURES.items():
            save(make(), folder / f"{name}.svg")


if __name__ == "__main__":
    draw(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
