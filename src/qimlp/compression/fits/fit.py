"""What a fit gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot, sqrt

import torch
from torch import Tensor

from qimlp import functional
from qimlp.compression.fits.layouts import Layout
from qimlp.compression.fits.problem import Problem
from qimlp.ops import build_weight


@dataclass(frozen=True)
class Fit:
    """A layer's weight as a sum of Kronecker products, with the bias that goes with it.

    Attributes:
        layout: Its layout.
        factors: Factor i of shape `(rank, out_dims[i], in_dims[i])`, balanced, in the weight's
            dtype and device.
        bias: Shape `(out,)`, in the bias's dtype and device; None for a layer without one.
        error: Relative output error: `sqrt(E|y - y'|^2 / E|y - E y|^2)` on the moments that it
            was fitted to, with the bias as it is stored, without the mean for a layer without
            bias; for uncorrelated inputs of mean 0 and variance 1 where there are no moments.
        weight_error: `|W - W'| / |W|` in the Frobenius norm.
        note: What to know of it; may be empty.
    """

    layout: Layout
    factors: list[Tensor]
    bias: Tensor | None
    error: float
    weight_error: float
    note: str = ""

    @property
    def rank(self) -> int:
        """Number of summed products."""
        return len(self.factors[0])

    @property
    def stored_bias(self) -> Tensor | Sequence[Tensor] | None:
        """The bias as `layout.bias_form` stores it: dense, or the nearest Kronecker vectors."""
        if self.bias is not None and self.layout.bias_form(self.rank) == "kronecker":
            return functional.nearest_kronecker_bias(self.bias, self.layout.out_dims)
        return self.bias


def finished(
    problem: Problem,
    layout: Layout,
    factors: Sequence[Tensor],
    weight: Tensor,
    bias: Tensor | None,
    *,
    error: float | None = None,
    note: str = "",
) -> Fit:
    """Put factors in float64 into the layer's own dtype, with bias and errors.

    Args:
        problem: What they were fitted to.
        layout: Their layout.
        factors: Float64 factors.
        weight: The layer's weight, for its dtype and device.
        bias: The layer's bias, likewise.
        error: Relative output error, where it is known.
        note: What to know of the fit.
    """
    dense = build_weight(list(factors))
    fitted_bias = problem.fitted_bias(dense)
    return Fit(
        layout,
        [each.to(weight) for each in functional.balance(factors)],
        None if bias is None or fitted_bias is None else fitted_bias.to(bias),
        error_of(problem, layout, factors, exact=True) if error is None else error,
        problem.weight_error(dense),
        note,
    )


def as_stored(layout: Layout, rank: int, bias: Tensor, *, exact: bool = False) -> Tensor:
    """What a layer has of a fitted bias, in the form that `layout.bias_form` stores.

    Args:
        layout: The layer's layout.
        rank: Number of summed products.
        bias: The fitted bias, shape `(out,)`.
        exact: Whether of three and more vectors the nearest product is looked for, as `Fit` does,
            which takes a while, or one found vector by vector will do.
    """
    if layout.bias_form(rank) == "dense":
        return bias
    if exact:
        return functional.kron_bias(functional.nearest_kronecker_bias(bias, layout.out_dims))
    vectors, rest = [], bias
    for size in layout.out_dims[:-1]:
        left, sizes, right = torch.linalg.svd(rest.reshape(size, -1), full_matrices=False)
        vectors.append(left[:, 0] * sizes[0])
        rest = right[0]
    return functional.kron_bias([*vectors, rest])


def error_of(
    problem: Problem, layout: Layout, factors: Sequence[Tensor], *, exact: bool = False
) -> float:
    """Relative output error of a weight with the best bias that its layer stores beside it.

    Args:
        problem: What the layer is fitted to.
        layout: Its layout.
        factors: Float64 factors.
        exact: How that bias is found; see `as_stored`.
    """
    dense = build_weight(list(factors))
    error, bias = problem.error(dense), problem.fitted_bias(dense)
    if bias is None or not problem.energy > 0:
        return error
    lost = bias - as_stored(layout, len(factors[0]), bias, exact=exact)
    return hypot(error, float(lost.norm()) / sqrt(problem.energy))
