"""The order in which a layer's factors are multiplied in: the fewest multiply-adds, then memory.

A layer is applied mode by mode (paper, Fig. 2): each step multiplies one factor into one body of
the grid that the input is. Its weight is never built, save where it is no larger than its factors.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import permutations
from math import prod

import numpy as np

from qimlp.export.c.arena import Needs
from qimlp.export.description import Array, Layer

_MOST_MODES_TO_SEARCH = 6  # 720 orders; past that, the closed form of the order with rank 1


@dataclass(frozen=True)
class Step:
    """One mode product, `y[c, a, o, b] = sum_i f[c, o, i] * x[c, a, i, b]`, copies slowest.

    The first step's input has one copy, which all copies of the factor share; the last step sums
    over copies, too, and leaves one.

    Attributes:
        mode: Which factor.
        copies_in: Copies of the grid before.
        copies_out: Copies of the grid behind.
        outer: Elements of the bodies before the mode.
        size_in: Of the body before.
        inner: Elements of the bodies behind the mode.
        size_out: Of the body behind.
    """

    mode: int
    copies_in: int
    copies_out: int
    outer: int
    size_in: int
    inner: int
    size_out: int

    @property
    def copy_in(self) -> int:
        """Elements of one copy before."""
        return self.outer * self.size_in * self.inner

    @property
    def copy_out(self) -> int:
        """Elements of one copy behind."""
        return self.outer * self.size_out * self.inner

    @property
    def elements_in(self) -> int:
        """Elements of all copies before."""
        return self.copies_in * self.copy_in

    @property
    def elements_out(self) -> int:
        """Elements of all copies behind."""
        return self.copies_out * self.copy_out

    @property
    def multiply_adds(self) -> int:
        """Of all copies of the factor."""
        return max(self.copies_in, self.copies_out) * self.copy_out * self.size_in


@dataclass(frozen=True)
class Plan:
    """How one layer is applied.

    Attributes:
        steps: One mode product each.
        apart: Whether all steps are done for one copy after the other, see `Needs.apart`; else each
            step for all copies.
        input_held: Whether the layer's input is in memory that is counted, not the caller's.
        output_held: Whether its output is.
    """

    steps: tuple[Step, ...]
    apart: bool = False
    input_held: bool = True
    output_held: bool = True

    @property
    def rank(self) -> int:
        """Number of copies."""
        return max(self.steps[0].copies_out, self.steps[-1].copies_in)

    @property
    def multiply_adds(self) -> int:
        """Of all mode products."""
        return sum(step.multiply_adds for step in self.steps)

    @property
    def needs(self) -> Needs:
        """Elements to hold, one row at a time included."""
        return Needs(
            before=self.steps[0].copy_in if self.input_held else 0,
            between=max((step.copy_out for step in self.steps[:-1]), default=0),
            behind=self.steps[-1].copy_out if self.output_held else 0,
            copies=self.rank,
            apart=self.apart,
            row=max(step.size_in for step in self.steps),
        )


def plan(
    layer: Layer, *, apart: bool = True, input_held: bool = True, output_held: bool = True
) -> Plan:
    """Choose the order of the mode products, and where the sum over copies is taken.

    Args:
        layer: As `simplified` gives it.
        apart: Whether copies may be computed one after the other.
        input_held: Whether the layer's input is in memory that is counted, not the caller's.
        output_held: Whether its output is.

    Returns:
        The plan with the fewest multiply-adds; of those with as few, the one that holds the fewest
        elements at a time; of those, the first.
    """
    shape = layer.shape
    orders = (
        permutations(range(shape.num_factors))
        if shape.num_factors <= _MOST_MODES_TO_SEARCH
        else [shape.cheapest_order]
    )
    ways = (False, True) if apart and shape.rank > 1 and shape.num_factors > 1 else (False,)
    found = [
        Plan(_steps(layer, order), way, input_held, output_held) for order in orders for way in ways
    ]
    return min(found, key=lambda p: (p.multiply_adds, p.needs.total))


def _steps(layer: Layer, order: tuple[int, ...]) -> tuple[Step, ...]:
    dims, outs, rank = list(layer.shape.in_dims), layer.shape.out_dims, layer.shape.rank
    steps = []
    for place, mode in enumerate(order):
        outer, inner = prod(dims[:mode]), prod(dims[mode + 1 :])
        before = 1 if place == 0 else rank
        behind = 1 if place == len(order) - 1 else rank
        steps.append(Step(mode, before, behind, outer, dims[mode], inner, outs[mode]))
        dims[mode] = outs[mode]
    return tuple(steps)


def simplified(layer: Layer) -> Layer:
    """Rewrite a layer so that it takes fewer steps, with the same weight.

    Bodies of one number are multiplied into a neighbour, the copies of a single factor are summed,
    and a weight that is no larger than its factors is built. The bias stays as it is: there may be
    more or fewer of its vectors than of the factors then.

    Args:
        layer: Any.

    Returns:
        The layer with its factors rewritten.
    """
    factors = _without_numbers(layer.factors)
    smaller = replace(layer, factors=factors)
    shape = smaller.shape
    if shape.dense_weight_parameters <= shape.weight_parameters:
        factors = (smaller.weight[None],)
    return replace(layer, factors=factors)


def _without_numbers(factors: tuple[Array, ...]) -> tuple[Array, ...]:
    kept = [factor for factor in factors if factor.shape[1:] != (1, 1)] or [factors[0]]
    numbers = [f for f in factors if f.shape[1:] == (1, 1) and not any(f is k for k in kept)]
    if numbers:
        scale: Array = np.prod(np.stack(numbers), axis=0)
        kept[0] = kept[0] * scale
    return tuple(kept)
