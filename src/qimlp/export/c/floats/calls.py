"""The calls that apply one layer: which product reads what, and where its results go."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import wrap

from qimlp.export.c.arena import Places
from qimlp.export.c.steps import Plan, Step

_WIDTH = 84  # of 100, less what a call is indented by


@dataclass(frozen=True)
class LayerCalls:
    """What the calls of one layer's mode products are made of.

    Attributes:
        name: Of the network.
        factors: Name of each factor's table.
        copy_sizes: Elements of each table for one copy.
        scales: Name of the table of scales, one for each copy; None in single precision.
        plan: Of the layer.
        places: Of what it holds.
        source: Where its input lies, in C.
        target: Where its output goes.
        reads: Whether the input is raw features that are read by `NAME_read`.
        number: Number of its first step among all steps of the network.
    """

    name: str
    factors: tuple[str, ...]
    copy_sizes: tuple[int, ...]
    scales: str | None
    plan: Plan
    places: Places
    source: str
    target: str
    reads: bool
    number: int

    def lines(self) -> list[str]:
        """Write the calls, in C, with a counter `c` where there are copies."""
        steps, rank = range(len(self.plan.steps)), self.plan.rank
        if self.plan.apart:
            calls = [f"    {line}" for n in steps for line in self._call(n, "c")]
            return [f"for (c = 0; c < {rank}U; c++) {{", *calls, "}"]
        written = []
        for n in steps:
            first = self._call(n, "0")
            loop = [f"    {line}" for line in self._call(n, "c")]
            others = [f"for (c = 1; c < {rank}U; c++) {{", *loop, "}"] if rank > 1 else []
            # The first copy takes the place of the input, or is what the others are added to.
            written += first + others if self._last(n) else others + first
        return written

    def _last(self, n: int) -> bool:
        return n == len(self.plan.steps) - 1

    def _call(self, n: int, copy: str) -> list[str]:
        """One mode product of one copy, on as many lines as it needs."""
        step = self.plan.steps[n]
        source = self.source if n == 0 else self._between(copy)
        target = self.target if self._last(n) else self._between(copy)
        given = [f"&{self.name}_steps[{self.number + n}]", source, at(self.places.row)]
        given.append(self.factors[step.mode] + self._times(copy, self.copy_sizes[step.mode]))
        if self.scales is not None:
            given.append(self.scales + self._times(copy, 1) if self._last(n) else "NULL")
        given += [target, self._add(n, copy)]
        function = "first" if n == 0 and self.reads else "product"
        call = f"{self.name}_{function}({', '.join(given)});"
        return wrap(call, _WIDTH, subsequent_indent="    ", break_long_words=False)

    def _between(self, copy: str) -> str:
        if self.plan.apart:
            return at(self.places.between)
        if copy == "0":
            return at(self.places.behind)
        return f"{at(self.places.between)} + (c - 1U) * {self.plan.needs.between}U"

    def _add(self, n: int, copy: str) -> str:
        if copy == "0" or not self._last(n):
            return "0"
        return "c > 0U" if self.plan.apart else "1"

    @staticmethod
    def _times(copy: str, size: int) -> str:
        if copy == "0":
            return ""
        return " + c" if size == 1 else f" + c * {size}U"


def at(place: int) -> str:
    """Write a place in the array."""
    return f"memory + {place}" if place else "memory"


def sizes_of(step: Step) -> str:
    """Write the initialiser of a `NAME_step`."""
    sizes = (step.outer, step.size_in, step.inner, step.size_out)
    return ", ".join(f"{size}U" for size in sizes)
