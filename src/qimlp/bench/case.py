"""A layer at one batch size, and the layers that `qimlp bench` shows."""

from __future__ import annotations

from dataclasses import dataclass

from qimlp.shapes import KroneckerShape

FORWARD = "forward"
BOTH = "forward+backward"


@dataclass(frozen=True)
class Case:
    """One layer at one batch size.

    Attributes:
        shape: The layer's dimensions and rank.
        batch: Rows of the input.
        modes: What is timed of it: `FORWARD`, `BOTH` or the two.
    """

    shape: KroneckerShape
    batch: int
    modes: tuple[str, ...] = (FORWARD, BOTH)

    @property
    def label(self) -> str:
        """Name of the case in tables and on the command line."""
        return f"{self.shape}, batch {self.batch}"


def square(*dims: int, rank: int = 1, batch: int = 50) -> Case:
    """The case of a layer whose output has the bodies of its input."""
    return Case(KroneckerShape(dims, dims, rank), batch)


TABLE = (
    square(28, 28),
    square(28, 28, rank=4),
    Case(KroneckerShape((48, 64), (64, 48)), 50),
    square(24, 32),
    square(64, 64, batch=1024),
    square(64, 64, rank=4, batch=1024),
    square(7, 7, 16, batch=1024),
    square(4, 4, 7, 7, batch=1024),
    Case(KroneckerShape((8,) * 6, (8,) * 6), 50, (FORWARD,)),
)
"""The layers of the paper's networks, wider ones, and ones of many factors."""
