"""Layers that every way of computing is tried on."""

from __future__ import annotations

from math import prod

import torch
from torch import Tensor

from qimlp.ops import native

#: (in_dims, out_dims), rectangular, with sizes of 1 and odd ones, for one to four factors.
DIMS = {
    1: [((5,), (3,)), ((1,), (4,))],
    2: [((3, 4), (5, 2)), ((7, 2), (2, 9)), ((1, 6), (3, 1))],
    3: [((2, 3, 4), (3, 2, 2)), ((4, 1, 2), (1, 5, 3))],
    4: [((2, 3, 2, 2), (3, 1, 2, 4)), ((2, 2, 3, 3), (2, 2, 3, 3))],
}
RANKS = (1, 2, 4)
LAYERS = [(ins, outs, rank) for cases in DIMS.values() for ins, outs in cases for rank in RANKS]
#: ways made of torch's own operations, and those that can run here
COMPOSITE = ("two_gemm", "chain", "dense")
WAYS_HERE = (*(("fused",) if native.available() else ()), *COMPOSITE)
BATCHES = [(0,), (1,), (5,), (2, 3), ()]


def make_factors(
    in_dims: tuple[int, ...],
    out_dims: tuple[int, ...],
    rank: int,
    *,
    dtype: torch.dtype = torch.float64,
    seed: int = 0,
    requires_grad: bool = False,
) -> list[Tensor]:
    """Random factors whose weight keeps unit scale."""
    generator = torch.Generator().manual_seed(seed)
    scale = rank ** (-1 / (2 * len(in_dims)))
    return [
        (torch.randn(rank, o, i, generator=generator, dtype=torch.float64) * scale / i**0.5)
        .to(dtype)
        .requires_grad_(requires_grad)
        for o, i in zip(out_dims, in_dims, strict=True)
    ]


def make_input(
    batch: tuple[int, ...],
    in_dims: tuple[int, ...],
    *,
    dtype: torch.dtype = torch.float64,
    seed: int = 1,
) -> Tensor:
    """Random standard normal input."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*batch, prod(in_dims), generator=generator, dtype=torch.float64).to(dtype)
