"""The definition. It is never optimised; every method is compared with it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import torch
from torch import Tensor


def kron_dense(factors: Sequence[Tensor]) -> Tensor:
    """`W = sum_c kron(factors[0][c], ..., factors[M-1][c])` (paper, Eqs. 2 and 4).

    Args:
        factors: M tensors, factor i of shape `(rank, out_i, in_i)`.

    Returns:
        Shape `(prod out_i, prod in_i)`.
    """
    copies = zip(*(factor.contiguous().unbind(0) for factor in factors), strict=True)
    return torch.stack([reduce(torch.kron, copy) for copy in copies]).sum(0)


def kron_bias(bias_factors: Sequence[Tensor]) -> Tensor:
    """`B = kron(b_1, ..., b_M)` (paper, Eq. 3).

    Args:
        bias_factors: M vectors, factor i of length `out_i`.

    Returns:
        Shape `(prod out_i,)`.
    """
    bias = bias_factors[0]
    for factor in bias_factors[1:]:
        bias = (bias.unsqueeze(-1) * factor).flatten()
    return bias
