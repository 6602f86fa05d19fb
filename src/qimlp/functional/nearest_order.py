"""The order of a dense weight's inputs in which a sum of Kronecker products comes nearest to it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from qimlp.functional.nearest import nearest_kronecker
from qimlp.ops import build_weight, check_weight

MAX_INPUTS = 16_384
"""The assignment takes `8 in_features^2` bytes, and time that grows with the cube."""

_LEAST_GAIN = 1e-3
"""Of the relative error; a round that gains less is the last one."""


def nearest_kronecker_order(
    weight: Tensor, in_dims: Sequence[int], out_dims: Sequence[int], rank: int, *, rounds: int = 4
) -> tuple[Tensor, list[Tensor], Tensor]:
    """Order the inputs of a dense weight so that a Kronecker sum fits it, and fit it.

    Where a Kronecker layer has no grid to go by (table columns, terms), any order of its inputs is
    allowed. Two steps take turns, each the best one while the other's answer stays: the factors
    nearest to the ordered weight (`nearest_kronecker`), and the assignment of inputs to columns of
    the sum with the least squared distance (SciPy's `linear_sum_assignment`). They begin at the
    present order or at inputs grouped by the output that they weigh most in, whichever is nearer.
    The error never rises; what is found is a local optimum.

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

    def fit(order: Tensor) -> tuple[list[Tensor], Tensor]:
        return nearest_kronecker(weight[:, order.to(weight.device)], in_dims, out_dims, rank)

    factors, error = nearest_kronecker(weight, in_dims, out_dims, rank)
    columns = weight.detach().to("cpu", torch.float64)
    if columns.numel():  # near 1, by a power of two: products of two entries are then finite
        columns = torch.ldexp(columns, -torch.frexp(columns.abs().max()).exponent)
    order, moved = torch.arange(weight.shape[1]), _grouped(columns)
    for turn in range(rounds + 1):
        found, less = fit(moved)
        gain = float(error - less)
        if gain > 0:
            order, factors, error = moved, found, less
        if turn and gain < _LEAST_GAIN:
            break
        if turn < rounds:
            moved = _assigned(build_weight(factors).to("cpu", torch.float64), columns)
    return order, factors, error


def _grouped(columns: Tensor) -> Tensor:
    """Inputs by the output that they weigh most in, its sign first; the heaviest ones in front."""
    largest = columns.abs().argmax(dim=0)
    negative = columns.gather(0, largest.unsqueeze(0))[0] < 0
    by_weight = columns.norm(dim=0).argsort(descending=True, stable=True)
    group = largest + negative * columns.shape[0]
    order: Tensor = by_weight[group[by_weight].argsort(stable=True)]
    return order


def _assigned(near: Tensor, columns: Tensor) -> Tensor:
    """Which input each column of the sum gets, so that their inner products are largest in all.

    Both sums of squares are the same for every assignment, so that this is the least distance.
    """
    try:
        from scipy.optimize import linear_sum_assignment  # noqa: PLC0415 - slow, seldom needed
    except ImportError as error:
        raise ImportError(
            'nearest_kronecker_order needs SciPy: pip install "qimlp[compress]"'
        ) from error
    return torch.from_numpy(linear_sum_assignment((near.t() @ columns).numpy(), maximize=True)[1])
