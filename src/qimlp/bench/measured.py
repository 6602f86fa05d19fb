"""What a measured layer and a measured training step have in common."""

from __future__ import annotations

from typing import Any

from qimlp.bench.floor import Floor
from qimlp.bench.implementations import OURS
from qimlp.bench.timing import Timings


class Measured:
    """Ours, timed beside others and held against the floor.

    Attributes:
        timings: Of ours and of everything it was compared with, by name.
        floor: The time that no program can beat here.
    """

    timings: Timings
    floor: Floor

    @property
    def seconds(self) -> float:
        """Median seconds of ours."""
        return self.timings.median(OURS)

    @property
    def speedups(self) -> dict[str, float]:
        """The time of everything else that was timed, over ours."""
        names = (name for name in self.timings.samples if name != OURS)
        return {name: self.timings.speedup(OURS, over=name) for name in names}

    @property
    def multiple_of_floor(self) -> float:
        """Our time over the floor."""
        return self.seconds / self.floor.seconds

    def timing_fields(self) -> dict[str, Any]:
        """The times as a JSON file holds them."""
        names = tuple(self.timings.samples)
        return {
            "median_s": {name: self.timings.median(name) for name in names},
            "spread": {name: self.timings.spread(name) for name in names},
            "speedup_over": self.speedups,
        }
