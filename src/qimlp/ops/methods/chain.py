"""Any number of factors, one mode product after the other."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor

from qimlp.shapes import KroneckerShape, chain_order


def chain(x: Tensor, factors: Sequence[Tensor]) -> Tensor:
    """`x W^T`, factor by factor.

    Args:
        x: Shape `(batch, prod in_i)`.
        factors: M tensors of shape `(rank, out_i, in_i)`.

    Returns:
        Shape `(batch, prod out_i)`.
    """
    return _one_copy(x, factors) if factors[0].shape[0] == 1 else _all_copies(x, factors)


def _one_copy(x: Tensor, factors: Sequence[Tensor]) -> Tensor:
    """Rank 1: mode products in the cheapest order, each in place, no tensor permuted."""
    rows = x.shape[0]
    dims = [factor.shape[2] for factor in factors]
    outs = tuple(factor.shape[1] for factor in factors)
    y = x
    for mode in chain_order(KroneckerShape(tuple(dims), outs)):
        weight = factors[mode][0]
        n_out, n_in = weight.shape
        before, after = prod(dims[:mode]), prod(dims[mode + 1 :])
        if after == 1:
            y = torch.mm(y.reshape(rows * before, n_in), weight.t())
        else:
            y = torch.bmm(
                weight.expand(rows * before, n_out, n_in), y.reshape(rows * before, n_in, after)
            )
        dims[mode] = n_out
    return y.reshape(rows, prod(dims))


def _all_copies(x: Tensor, factors: Sequence[Tensor]) -> Tensor:
    """Any rank: the last mode is contracted and its output put in front, until all have turned.

    Every step is one product over all copies: the first shares `x` among them, the last adds them
    up. The rows end as the last mode.
    """
    rows, rank = x.shape[0], factors[0].shape[0]
    last = factors[-1]
    z = torch.mm(last.reshape(-1, last.shape[2]), x.reshape(-1, last.shape[2]).t())
    size = z.numel() // rank
    for factor in factors[-2:0:-1]:
        _, n_out, n_in = factor.shape
        z = torch.bmm(factor, z.reshape(rank, size // n_in, n_in).transpose(1, 2))
        size = size // n_in * n_out
    first = factors[0]
    n_in = first.shape[2]
    z = z.reshape(rank, size // n_in, n_in).transpose(1, 2)
    y = torch.addbmm(z.new_zeros(()), first, z)
    return y.reshape(prod([factor.shape[1] for factor in factors]), rows).t()
