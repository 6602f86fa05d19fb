"""The order of a dense weight's inputs in which a sum of Kronecker products comes nearest to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from qimlp.functional.nearest_sums.assignment import assigned
from qimlp.functional.nearest_sums.nearest import nearest_kronecker
from qimlp.functional.nearest_sums.order_starts import grouped_orders
from qimlp.ops import build_weight, check_weight

MAX_INPUTS = 16_384
"""The assignment takes `8 in_features^2` bytes, and time that grows with the cube."""

_LEAST_GAIN = 1e-3
"""Of the relative error; a round that gains less is the last one."""

_EXACT = 1e-11
"""Relative error at which no other order is looked for."""

_MUCH_NEARER = 0.7
"""Share of the usual start's error below which the spaces tell something."""


def nearest_kronecker_order(
    weight: Tensor, in_dims: Sequence[int], out_dims: Sequence[int], rank: int, *, rounds: int = 4
) -> tuple[Tensor, list[Tensor], Tensor]:
    """Order the inputs of a dense weight so that a Kronecker sum fits it, and fit it.

    Where a Kronecker layer has no grid to go by (table columns, terms), any order of its inputs is
    allowed. Two steps take turns, each the best one while the other's answer stays: the factors
    nearest to the ordered weight (`nearest_kronecker`), and the assignment of inputs to columns of
    the sum with the least squared distance (SciPy's `linear_sum_assignment`). They begin at the
    present order or at inputs grouped by the output that they weigh most in, whichever is nearer,
    and at inputs grouped by the spaces that their columns span, where that is much nearer.

    The inputs of an exact sum that were shuffled are put back where the sum has fewer products than
    one of its bodies has outputs and its products lie in general position. With more products, or
    one output, an order is seldom recovered: there the error never rises, and what is found is a
    local optimum, as it is for a weight that is no such sum.

    The order is information beside the factors: `in_features` numbers, which no count of
    parameters includes.

    Args:
        weight: Shape `(prod out_dims, prod in_dims)`, at most `MAX_INPUTS` inputs.
        in_dims: M sizes.
        out_dims: M sizes.
        rank: Number of summed products.
        rounds: Most assignments; fewer where the relative error gains less than 0.001.

    Returns:
        `(order, factors, relative_error)`: the inputs' present numbers in their new order, shape
        `(in_features,)`, `int64`, on the CPU, so that `weight[:, order]` is near the sum; factors
        and error as `nearest_kronecker` gives them for it.

    Raises:
        TypeError: `weight` is no floating-point tensor.
        ValueError: Dims that do not fit, entries not finite, no values (meta), `rounds` below 0, or
            too many inputs.
        ImportError: SciPy is not installed, or M > 2 without TensorLy.
    """
    if rounds < 0:
        raise ValueError(f"rounds: expected 0 or more, got {rounds}")
    check_weight("weight", weight)
    if weight.is_meta:
        raise ValueError("weight: expected values to order by, got a tensor on the meta device")
    if weight.shape[1] > MAX_INPUTS:
        raise ValueError(
            f"weight: expected at most {MAX_INPUTS:,} inputs to assign, got {weight.shape[1]:,}; "
            "order them by other means"
        )

    search = _Search(weight, in_dims, out_dims, rank)
    present = search.fit(torch.arange(weight.shape[1]))
    if present.error <= _EXACT:
        return present
    orders = grouped_orders(search.columns, in_dims, out_dims, rank)
    spanned = _nearest([search.fit(order) for order in orders] or [present])
    if spanned.error <= _EXACT:
        return spanned
    usual = _nearest([present, search.fit(_grouped(search.columns))])
    starts = [usual, spanned] if spanned.error < _MUCH_NEARER * usual.error else [usual]
    return _nearest([search.refined(start, rounds) for start in starts])


class _Found(NamedTuple):
    order: Tensor
    factors: list[Tensor]
    error: Tensor


class _Search:
    """The two steps for one weight."""

    def __init__(
        self, weight: Tensor, in_dims: Sequence[int], out_dims: Sequence[int], rank: int
    ) -> None:
        self._weight, self._shape = weight, (in_dims, out_dims, rank)
        columns = weight.detach().to("cpu", torch.float64)
        # Near 1, by a power of two: products of two entries are then finite.
        self.columns = torch.ldexp(columns, -torch.frexp(columns.abs().max()).exponent)

    def fit(self, order: Tensor) -> _Found:
        """The factors nearest to the weight in an order."""
        ordered = self._weight[:, order.to(self._weight.device)]
        return _Found(order, *nearest_kronecker(ordered, *self._shape))

    def refined(self, found: _Found, rounds: int) -> _Found:
        """Let the steps take turns, and keep what is nearest."""
        for _ in range(rounds):
            near = build_weight(found.factors).to("cpu", torch.float64)
            new = self.fit(assigned(near.t(), self.columns.t()))
            gain = float(found.error - new.error)
            if gain > 0:
                found = new
            if gain < _LEAST_GAIN:
                break
        return found


def _nearest(found: list[_Found]) -> _Found:
    """The first of those with the least error."""
    return min(found, key=lambda each: float(each.error))


def _grouped(columns: Tensor) -> Tensor:
    """Inputs by the output that they weigh most in, its sign first; the heaviest ones in front."""
    largest = columns.abs().argmax(dim=0)
    negative = columns.gather(0, largest.unsqueeze(0))[0] < 0
    by_weight = columns.norm(dim=0).argsort(descending=True, stable=True)
    group = largest + negative * columns.shape[0]
    order: Tensor = by_weight[group[by_weight].argsort(stable=True)]
    return order
