"""The layers that the benchmarks time, and how fast each of them is wanted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from qimlp.bench.case import BOTH, FORWARD, TABLE, Case, square
from qimlp.bench.implementations import LINEAR
from qimlp.shapes import KroneckerShape

FASTKRON = "FastKron"

NO_SLOWER = 1 / 1.15
"""Least speed-up over `nn.Linear` wanted of every layer: at most 1.15 times its time."""


@dataclass(frozen=True)
class Goal:
    """What is wanted of a case in one mode.

    Attributes:
        speedups: For a peer's name the least that its time over qimlp's is to be.
        floor: The most that qimlp's time over the floor is to be, if anything.
    """

    speedups: Mapping[str, float]
    floor: float | None = None

    def __str__(self) -> str:
        parts = [f"{least:.3g}x {peer}" for peer, least in self.speedups.items()]
        return ", ".join(parts if self.floor is None else [*parts, f"floor {self.floor:.3g}x"])

    def verdict(self, speedups: Mapping[str, float], multiple_of_floor: float) -> str:
        """`met`, or what is not met, or what was not measured; empty where nothing is wanted."""
        if not self.speedups and self.floor is None:
            return ""
        missed = [
            peer for peer, least in self.speedups.items() if speedups.get(peer, least) < least
        ]
        if self.floor is not None and multiple_of_floor > self.floor:
            missed.append("floor")
        if missed:
            return f"NOT met: {', '.join(missed)}"
        absent = [peer for peer in self.speedups if peer not in speedups]
        return f"not measured: {', '.join(absent)}" if absent else "met"


@dataclass(frozen=True)
class Target:
    """A case, and what is wanted of it in each mode that it is timed in."""

    case: Case
    goals: Mapping[str, Goal]


def _target(
    case: Case,
    forward: float | None,
    both: float | None = None,
    *,
    floors: tuple[float | None, float | None] = (None, None),
    fastkron: float | None = None,
) -> Target:
    """Wanted of both modes: so much over `nn.Linear`, so near the floor, so much over FastKron."""
    goals = {}
    for mode, linear, floor in zip((FORWARD, BOTH), (forward, both), floors, strict=True):
        wanted = {LINEAR: linear, FASTKRON: fastkron}
        goals[mode] = Goal({k: v for k, v in wanted.items() if v is not None}, floor)
    return Target(case, {mode: goals[mode] for mode in case.modes})


_OF_TABLE = (
    ((16.0, 12.0), (1.4, 2.0), 4.0),
    ((4.5, 3.0), (1.4, 2.0), None),
    ((55.0, 43.0), (1.25, 1.8), 4.0),
    ((17.0, 12.0), (1.35, 2.0), None),
    ((28.0, 27.0), (1.4, 1.6), 1.4),
    ((10.0, 8.0), (1.3, 1.5), None),
    ((12.0, 8.0), (4.0, 5.0), None),
    ((10.0, 6.0), (5.0, 7.0), None),
    ((None, None), (6.0, None), 1.0),
)
FASTER = (
    *(
        _target(case, *linear, floors=floors, fastkron=fastkron)
        for case, (linear, floors, fastkron) in zip(TABLE, _OF_TABLE, strict=True)
    ),
    _target(square(64, 64), 38.0, 33.0, fastkron=1.4),
)
"""Cases in which the structure is to pay off."""


def _not_slower(shape: KroneckerShape, *batches: int) -> tuple[Target, ...]:
    return tuple(_target(Case(shape, batch), NO_SLOWER, NO_SLOWER) for batch in batches)


NOT_SLOWER = (
    *_not_slower(KroneckerShape((28, 28), (28, 28), rank=16), 50, 1024),
    *_not_slower(KroneckerShape((28, 28), (28, 28), rank=32), 50, 1024),
    *_not_slower(KroneckerShape((4, 4), (4, 4)), 50, 1024),
    *_not_slower(KroneckerShape((8, 8), (8, 8)), 50, 1024),
    *_not_slower(KroneckerShape((28, 28), (2, 5)), 50),
    *_not_slower(KroneckerShape((1, 127), (1, 127)), 50),
)
"""Cases in which a dense weight is as good or better, so that the layer has to use one."""

LAYERS = FASTER + NOT_SLOWER

HUGE = Case(KroneckerShape((1024, 1024), (1024, 1024)), 16)
"""A layer whose dense weight, 2^40 entries, would take 4 TiB in float32."""

HUGE_WITHIN = 2.0
"""Wanted of `HUGE`: at most this multiple of its floor."""

STEPS_WANTED = {"mnist": 7.0, "cifar10": 38.0}
"""Wanted of a data set's two-body training step: so much over the classic MLP's."""

MEMORY_WITHIN = 1.5
"""Wanted of forward+backward: at most this multiple of (output + input gradient) on top."""

TWO_THREADS = 1.7
"""Wanted of two threads: so many times as fast as one, at the batch of `THREADED`."""

THREADED = tuple(replace(case, modes=(FORWARD, BOTH)) for case in TABLE if case.batch >= 1024)
"""The layers that are timed on two threads."""
