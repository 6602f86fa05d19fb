"""Nearest sums of Kronecker products to a whitened weight, and how much they miss at every rank."""

from __future__ import annotations

import torch
from torch import Tensor

from qimlp import functional
from qimlp.compression.fits.alternating import Target, alternate, sweep_flops
from qimlp.compression.fits.layouts import Layout

_RESTARTS = 3
_FIRST_SWEEPS, _LAST_SWEEPS = 20, 300
_CURVE_SWEEPS = 8
_LARGEST_RANK = 256
"""Of a curve with three or more factors."""


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
    product is an outer product. For more it is measured at ranks 1, 2, 4, ... and interpolated,
    up to the rank at which the sum is no smaller than the weight.
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
    shape = layout.shape(1)
    most = min(layout.max_rank, max(1, weight.numel() // shape.weight_parameters), _LARGEST_RANK)
    target = Target(weight, None, energy)
    factors = _drawn(layout, 1, 0, weight)
    ranks, found = [0], [1.0]
    while True:
        factors, error = alternate(factors, target, _CURVE_SWEEPS)
        ranks.append(len(factors[0]))
        found.append(min(error / energy, found[-1]))
        if ranks[-1] == most:
            break
        more = _drawn(layout, min(ranks[-1], most - ranks[-1]), len(ranks), weight)
        factors = [torch.cat(pair) for pair in zip(factors, more, strict=True)]
    known, missed = torch.tensor(ranks).to(weight), torch.tensor(found).to(weight)
    return _interpolated(known, missed, most)


def _interpolated(known: Tensor, values: Tensor, most: int) -> Tensor:
    """Values at 0, 1, ..., `most`, straight between those that are known."""
    at = torch.arange(most + 1).to(known)
    right = torch.searchsorted(known, at).clamp(1, len(known) - 1)
    left = right - 1
    part = (at - known[left]) / (known[right] - known[left])
    joined: Tensor = values[left] + part * (values[right] - values[left])
    return joined


def _drawn(layout: Layout, rank: int, seed: int, like: Tensor) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    shapes = layout.shape(rank).factor_shapes
    return [torch.randn(each, generator=generator, dtype=like.dtype).to(like) for each in shapes]
