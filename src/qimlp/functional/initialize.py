"""Starts that keep the scale of activations, for any number of factors and any rank."""

from __future__ import annotations

import torch
from torch import Tensor

from qimlp.shapes import KroneckerShape

STARTS = ("normal", "orthogonal")


def init_factors(
    shape: KroneckerShape,
    *,
    gain: float = 1.0,
    start: str = "normal",
    generator: torch.Generator | None = None,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
) -> list[Tensor]:
    """Draw factors whose weight has entries of variance `gain**2 / in_features`.

    Entries of W are sums of `rank` products, so `Var(W) = rank * prod_i sigma_i^2` and
    `sigma_i^2 = (gain^2 / rank)^(1/M) / in_i`. `gain = sqrt(2)` is He's start.

    Args:
        shape: the layer.
        gain: scale of the output over that of the input.
        start: `"normal"`, Gaussian entries (as the paper), each factor scaled to the norm that it
            has on average, or `"orthogonal"`, random orthonormal rows or columns of that norm.
        generator: source of randomness.
        device: where the factors lie.
        dtype: their dtype.

    Returns:
        M tensors, factor i of shape `(rank, out_i, in_i)`.

    Raises:
        ValueError: an unknown start.
    """
    if start not in STARTS:
        raise ValueError(f"start: expected one of {', '.join(STARTS)}, got {start!r}")
    per_factor = (gain**2 / shape.rank) ** (1 / shape.num_factors)
    factors = []
    for rank, n_out, n_in in shape.factor_shapes:
        factor = torch.empty(rank, n_out, n_in, device=device, dtype=dtype)
        if start == "normal":
            factor.normal_(generator=generator)
            # The product of few small Gaussian factors has a heavy-tailed norm: fix each factor's.
            factor.mul_((per_factor * n_out) ** 0.5 / factor.flatten(1).norm(dim=1)[:, None, None])
        else:
            for copy in factor:
                torch.nn.init.orthogonal_(copy, generator=generator)
            # Orthonormal rows or columns have entries of variance 1 / max(n_out, n_in).
            factor.mul_((per_factor * max(n_out, n_in) / n_in) ** 0.5)
        factors.append(factor)
    return factors


def init_bias_factors(
    shape: KroneckerShape,
    *,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
) -> list[Tensor]:
    """Start of a Kronecker bias: zero in product, but with a gradient.

    The first factor starts at zero and the others at one, so the bias starts at zero and its
    first factor learns at once. Were two factors zero, the gradient of each would be zero for ever.

    Returns:
        M vectors of lengths `out_i`.
    """
    sizes = shape.out_dims
    first = torch.zeros(sizes[0], device=device, dtype=dtype)
    return [first, *(torch.ones(n, device=device, dtype=dtype) for n in sizes[1:])]
