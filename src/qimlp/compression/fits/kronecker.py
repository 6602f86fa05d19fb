"""Data-aware sums of Kronecker products: factored covariance, then alternating least squares."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, partial
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from qimlp.compression.fits.alternating import Target, alternate, sweep_flops
from qimlp.compression.fits.covariance import factored_covariance
from qimlp.compression.fits.fit import Fit, as_stored, error_of, finished
from qimlp.compression.fits.layouts import Curve, Layout
from qimlp.compression.fits.moments import Moments
from qimlp.compression.fits.problem import pose
from qimlp.compression.fits.whitened import missed_by_rank, nearest
from qimlp.ops import build_weight

MAX_FLOPS = 1e11
"""Multiply-adds that a sweep of alternating least squares may take: some seconds of a core."""

_FLOPS, _SWEEPS = 1e10, 100
"""A fit goes on for so many multiply-adds and sweeps; the first sweep gains by far the most."""

_MEASURED = (1, 4, 16, 64)
_CURVE_FLOPS = 1e9
"""Ranks at which a curve is measured, and multiply-adds that one of them may take."""


class Kronecker:
    """Sums of Kronecker products of one layout that come near to a layer's outputs.

    The inputs' second moments are first taken for a Kronecker product too, a factor for each body.
    Under them the best sum of two-factor products is known (Van Loan and Pitsianis, 1993, of the
    whitened weight); with three and more factors the start is a local optimum. A fit goes on from
    there by alternating least squares under the moments themselves, for about a second; where
    already one sweep takes more than `MAX_FLOPS`, or moments are kept blockwise (`Moments`: beyond
    4,096 inputs), it does not, and the note says so.

    Without moments the fit is the nearest sum.

    Args:
        weight: Shape `(out, in)`.
        moments: Of the layer's inputs; None where none were measured.
        layout: Dims that multiply up to the weight's sizes.
        bias: Shape `(out,)`, or None: without a bias to take them up, means count as part of
            the moments.
        damping: Added to the diagonal of the inputs' second moments, over its mean.

    Raises:
        TypeError: `weight` is no floating-point tensor.
        ValueError: Shapes that do not fit, entries not finite, or moments of no row.
    """

    def __init__(
        self,
        weight: Tensor,
        moments: Moments | None,
        layout: Layout,
        *,
        bias: Tensor | None = None,
        damping: float = 1e-3,
    ) -> None:
        shape = layout.shape(1)
        if tuple(weight.shape) != (shape.out_features, shape.in_features):
            raise ValueError(
                f"weight: expected shape {(shape.out_features, shape.in_features)} for {layout}, "
                f"got {tuple(weight.shape)}"
            )
        self._weight, self._bias, self._layout = weight, bias, layout
        self._aware = moments is not None
        self._problem = problem = pose(weight, bias, moments, damping)
        self._best = problem.weight
        if problem.cross is not None:
            self._best = problem.unwhiten(problem.whiten())
        self._roots: list[Tensor] = []
        self._whitened = self._best
        if self._aware:
            damped = [root @ root.t() for root in problem.roots]
            factored = factored_covariance(damped, problem.bounds, layout.in_dims)
            self._roots = [torch.linalg.cholesky(each) for each in factored]
            self._whitened = _whiten(self._best, self._roots)

    @cached_property
    def curve(self) -> Curve:
        """Relative output error at every rank.

        Estimated: what the start misses under the factored covariance, times what one sweep at a
        few small ranks makes of it.
        """
        missed, problem = missed_by_rank(self._whitened, self._layout), self._problem
        if not self._aware:
            return self._curve(missed)
        floor = 0.0
        if problem.cross is not None and problem.energy > 0:  # what no weight explains
            floor = max(0.0, 1 - float(problem.whiten().square().sum()) / problem.energy)
        missed = floor + (1 - floor) * missed
        ranks = [rank for rank in _MEASURED if rank < len(missed)]
        ranks = [rank for rank in ranks if self._sweep(rank) <= _CURVE_FLOPS]
        if not ranks or not float(missed[ranks[-1]]) > 0:
            return self._curve(missed)
        factors = nearest(self._whitened, self._layout, ranks[-1], _CURVE_FLOPS)
        parts = []
        for rank in ranks:
            error = problem.error(build_weight(self._improved([e[:rank] for e in factors], 1)))
            parts.append(min(1.0, error**2 / float(missed[rank])))
        return self._curve(missed * _between(ranks, parts, missed))

    def fit(self, rank: int) -> Fit:
        """The fit at a rank.

        Args:
            rank: Number of summed products, 1 or more.

        Raises:
            ValueError: A rank below 1.
        """
        shape, problem = self._layout.shape(rank), self._problem
        factors = nearest(self._whitened, self._layout, rank, _FLOPS)
        note = ""
        if self._aware:
            sweep = self._sweep(rank)
            sweeps = int(min(_SWEEPS, max(1, _FLOPS // sweep))) if sweep <= MAX_FLOPS else 0
            factors = self._improved(factors, sweeps)
            if len(problem.roots) > 1:
                note = f"factored covariance alone, for {shape.in_features:,} inputs"
            elif not sweeps:
                note = f"factored covariance alone, as rank {rank} is dear"
            elif self._stores_other_bias(rank):
                factors = self._beside_bias(factors, min(10, sweeps))
        return finished(
            problem, self._layout, _ordered(factors), self._weight, self._bias, note=note
        )

    def _curve(self, squares: Tensor) -> Curve:
        self._add_bias_(squares)
        errors = squares.clamp(0, 1).cummin(0).values.sqrt()
        return Curve(self._layout, tuple(errors.tolist()), self._bias is not None, self._aware)

    def _add_bias_(self, squares: Tensor) -> None:
        """Add to the squared errors what comes of storing the bias, measured at a few ranks."""
        ranks = [r for r in _MEASURED if r < len(squares) and self._stores_other_bias(r)]
        for rank, end in pairwise([*ranks, len(squares)]):
            factors = nearest(self._whitened, self._layout, rank, _CURVE_FLOPS)
            if self._aware and self._sweep(rank) <= _CURVE_FLOPS:
                factors = self._beside_bias(self._improved(factors, 1), 2)
            more = error_of(self._problem, self._layout, factors) ** 2 - float(squares[rank])
            for each in range(rank, end):
                squares[each] += more * self._stores_other_bias(each)

    def _stores_other_bias(self, rank: int) -> bool:
        return self._layout.bias_form(rank, self._bias is not None) == "kronecker"

    def _beside_bias(self, factors: list[Tensor], most: int) -> list[Tensor]:
        """Fit the weight to what the bias leaves over as it is stored, and in turn the bias.

        A dense bias takes up all means; what another one does not is the weight's to explain.
        """
        problem = self._problem
        if problem.means is None or problem.bias is None or len(problem.roots) > 1:
            return factors
        mean, wanted = problem.means
        assert self._target.second is not None  # noqa: S101 - there are moments
        second = self._target.second.addr(mean, mean)
        found, bias = factors, problem.bias
        for _ in range(most):
            left = wanted - as_stored(self._layout, len(factors[0]), bias)
            cross = self._target.cross.addr(left, mean)
            energy = self._target.energy + float(left.square().sum())
            found, _ = alternate(found, Target(cross, second, energy), 3)
            bias = wanted - build_weight(found) @ mean
        return min(factors, found, key=partial(error_of, problem, self._layout))

    def _sweep(self, rank: int) -> float:
        return sweep_flops(self._layout.shape(rank))

    def _improved(self, whitened: Sequence[Tensor], sweeps: int) -> list[Tensor]:
        """Factors of the whitened weight, taken back, and what so many sweeps make of them."""
        factors = [
            torch.linalg.solve_triangular(root, each, upper=False, left=False)
            for root, each in zip(self._roots, whitened, strict=True)
        ]
        if sweeps and len(self._problem.roots) == 1:
            factors, _ = alternate(factors, self._target, sweeps)
        return factors

    @cached_property
    def _target(self) -> Target:
        root = self._problem.roots[0]
        second = root @ root.t()
        cross = self._best @ second
        return Target(cross, second, float((cross * self._best).sum()))


def _between(ranks: Sequence[int], parts: Sequence[float], missed: Tensor) -> Tensor:
    """Parts at every rank of `missed`: straight over the logarithm of the rank, level outside."""
    at = np.log(np.arange(1, len(missed)))
    found = np.interp(at, np.log(ranks), parts)
    return torch.from_numpy(np.concatenate([[1.0], found])).to(missed)


def _whiten(weight: Tensor, roots: Sequence[Tensor]) -> Tensor:
    """A weight of shape `(out, in)` times the Kronecker product of the roots."""
    product = weight.reshape(len(weight), *(len(root) for root in roots))
    for root in roots:  # each takes the first body and puts it last
        product = torch.tensordot(product, root, dims=([1], [0]))
    return product.reshape(weight.shape)


def _ordered(factors: Sequence[Tensor]) -> list[Tensor]:
    """Of two factors: the same sum with orthogonal terms, the largest first."""
    if len(factors) != 2:
        return list(factors)
    rank = len(factors[0])
    (q, r), (p, s) = (torch.linalg.qr(each.flatten(1).t()) for each in factors)
    u, sizes, vh = torch.linalg.svd(r @ s.t(), full_matrices=False)
    new = [torch.zeros_like(each) for each in factors]
    for each, columns in zip(new, (q @ u * sizes, p @ vh.t()), strict=True):
        kept = min(rank, columns.shape[1])
        each[:kept] = columns.t()[:kept].reshape(kept, *each.shape[1:])
    return new
