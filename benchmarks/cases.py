"""The layers that the benchmarks time, and how fast each of them is wanted."""

from __future__ import annotations

from dataclasses import dataclass

from qimlp.shapes import KroneckerShape

FORWARD = "forward"
BOTH = "forward+backward"

LINEAR = "nn.Linear"
FASTKRON = "FastKron"

NO_SLOWER = 1 / 1.15
"""Least speed-up over `nn.Linear` wanted of every layer: at most 1.15 times its time."""


@dataclass(frozen=True)
class Wanted:
    """A wanted speed-up: `peer`'s time divided by qimlp's is to be at least `speedup`."""

    peer: str
    speedup: float


@dataclass(frozen=True)
class Case:
    """One layer at one batch size.

    Attributes:
        shape: The layer's dimensions and rank.
        batch: Rows of the input.
        wanted: What is wanted in each mode that the case is timed in.
    """

    shape: KroneckerShape
    batch: int
    wanted: dict[str, Wanted]

    @property
    def label(self) -> str:
        """Name of the case in tables and on the command line."""
        return f"{self.shape}, batch {self.batch}"


def _over_linear(
    in_dims: tuple[int, ...],
    out_dims: tuple[int, ...],
    *,
    batch: int = 50,
    rank: int = 1,
    forward: float = NO_SLOWER,
    both: float = NO_SLOWER,
) -> Case:
    wanted = {FORWARD: Wanted(LINEAR, forward), BOTH: Wanted(LINEAR, both)}
    return Case(KroneckerShape(in_dims, out_dims, rank), batch, wanted)


FASTER = (
    _over_linear((28, 28), (28, 28), forward=6.5, both=5.0),
    _over_linear((28, 28), (28, 28), rank=4, forward=2.2, both=1.6),
    _over_linear((48, 64), (64, 48), forward=36.0, both=28.0),
    _over_linear((24, 32), (24, 32), forward=8.0, both=5.0),
    _over_linear((64, 64), (64, 64), forward=38.0, both=33.0),
    _over_linear((4, 4, 7, 7), (4, 4, 7, 7), batch=1024, forward=4.0, both=3.5),
    Case(KroneckerShape((8,) * 6, (8,) * 6), 50, {FORWARD: Wanted(FASTKRON, 1 / 1.5)}),
)
"""Cases in which the structure is to pay off."""

NOT_SLOWER = (
    _over_linear((28, 28), (28, 28), rank=16),
    _over_linear((28, 28), (28, 28), rank=16, batch=1024),
    _over_linear((28, 28), (28, 28), rank=32),
    _over_linear((28, 28), (28, 28), rank=32, batch=1024),
    _over_linear((4, 4), (4, 4)),
    _over_linear((4, 4), (4, 4), batch=1024),
    _over_linear((8, 8), (8, 8)),
    _over_linear((8, 8), (8, 8), batch=1024),
    _over_linear((28, 28), (2, 5)),
    _over_linear((1, 127), (1, 127)),
)
"""Cases in which a dense weight is as good or better, so that the layer has to use one."""

LAYERS = FASTER + NOT_SLOWER

HUGE = Case(KroneckerShape((1024, 1024), (1024, 1024)), 16, {})
"""A layer whose dense weight, 2^40 entries, would take 4 TiB in float32."""

HUGE_WITHIN = 2.0
"""Wanted of `HUGE`: at most this multiple of its floor."""
