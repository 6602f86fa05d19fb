"""Nearest sums of Kronecker products to a whitened weight, and how much they miss at every rank."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from qimlp import functional
from qimlp.compression.fits.alternating import Target, alternate, sweep_flops
from qimlp.compression.fits.layouts import Layout

_LEAST = 1e-30  # of the energy: it has a logarithm
_RESTARTS = 3
_FIRST_SWEEPS, _LAST_SWEEPS = 20, 300
_CURVE_SWEEPS = 8
_MEASURED_RANK, _GROWTH = 64, 4
"""Largest rank at which more than two factors are measured, and each such rank over the last."""


def nearest(weight: Tensor, layout: Layout, rank: int, max_flops: float) -> list[Tensor]:
    """Factors near to a weight in the Frobenius norm.

    The best ones for two factors; for more, alternating least squares from the best of several
    random starts.

    Args:
        weight: Shape `(out, in)`, float64.
        layout: Dims.
        rank: Number of summed products.
        max_flops: Multiply-adds that alternating least squares may take.
    """
    if len(layout.in_dims) == 2:
        return functional.nearest_kronecker(weight, layout.in_dims, layout.out_dims, rank)[0]
    target = Target(weight, None, float(weight.square().sum()))
    sweeps = int(max_flops / sweep_flops(layout.shape(rank), whitened=True))
    each = max(1, min(_FIRST_SWEEPS, sweeps // (2 * _RESTARTS)))
    starts = [
        alternate(_drawn(layout, rank, seed, weight), target, each) for seed in range(_RESTARTS)
    ]
    best = min(starts, key=lambda start: start[1])[0]
    return alternate(best, target, max(1, min(_LAST_SWEEPS, sweeps // 2)))[0]


def missed_by_rank(weight: Tensor, layout: Layout) -> Tensor:
    """Part of a weight's squared norm that the nearest sum misses at rank 0, 1, ...

    For two factors the singular values tell it, of the weight rearranged so that a Kronecker
    product is an outer product. For more it is measured at ranks 1, 4, 16, 64, and taken to fall
    like a power of the rank between and beyond, up to the rank at which the sum is no smaller than
    the weight.
    """
    energy = float(weight.square().sum())
    if not energy > 0:
        return weight.new_zeros(2)
    if len(layout.in_dims) > 2:
        return _measured(weight, layout, energy)
    (o, p), (i, j) = layout.out_dims, layout.in_dims
    flat = weight.reshape(o, p, i, j).permute(0, 2, 1, 3).reshape(o * i, p * j)
    gram = flat @ flat.t() if o * i <= p * j else flat.t() @ flat
    squares = torch.linalg.eigvalsh(gram).clamp_min_(0)  # ascending
    missed = torch.cat([squares.new_zeros(1), squares.cumsum(0)]).flip(0)
    return missed / missed[0]


def _measured(weight: Tensor, layout: Layout, energy: float) -> Tensor:
    most = min(layout.max_rank, max(1, weight.numel() // layout.parameters_of_a_term))
    last = min(most, _MEASURED_RANK)
    target = Target(weight, None, energy)
    factors = _drawn(layout, 1, 0, weight)
    ranks, missed = [], [1.0]
    while True:
        factors, error = alternate(factors, target, _CURVE_SWEEPS)
        rank = len(factors[0])
        ranks.append(rank)
        missed.append(min(max(error / energy, _LEAST), missed[-1]))
        if rank == last:
            break
        more = _drawn(layout, min(_GROWTH * rank, last) - rank, rank, weight)
        factors = [torch.cat(pair) for pair in zip(factors, more, strict=True)]
    found = _by_power(np.log(ranks), np.log(missed[1:]), np.log(np.arange(1, most + 1)))
    return torch.from_numpy(np.concatenate([[1.0], found])).to(weight)


def _by_power(
    known: NDArray[np.float64], values: NDArray[np.float64], at: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Values, given as logarithms over those of ranks: straight between, and on beyond the last."""
    found = np.interp(at, known, values)
    if len(known) > 1:
        slope = (values[-1] - values[-2]) / (known[-1] - known[-2])
        found += slope * np.maximum(at - known[-1], 0)
    return np.asarray(np.exp(found))


def _drawn(layout: Layout, rank: int, seed: int, like: Tensor) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    shapes = layout.shape(rank).factor_shapes
    return [torch.randn(each, generator=generator, dtype=like.dtype).to(like) for each in shapes]
