"""Initial factors that keep the scale of activations, for any number of factors and any rank."""

from __future__ import annotations

import torch
from torch import Tensor

from qimlp.ops import check_device, check_dtype
from qimlp.shapes import KroneckerShape

_INITS = ("normal", "orthogonal")


def init_factors(
    shape: KroneckerShape,
    *,
    gain: float = 1.0,
    init: str = "normal",
    start: str | None = None,
    generator: torch.Generator | None = None,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
) -> list[Tensor]:
    """Draw factors whose weight has entries of variance `gain**2 / in_features`.

    Entries of W are sums of `rank` products, so `Var(W) = rank * prod_i sigma_i^2` and
    `sigma_i^2 = (gain^2 / rank)^(1/M) / in_i`. `gain = sqrt(2)` is He's initialisation.

    Args:
        shape: The layer's dims and rank.
        gain: Scale of the output over that of the input.
        init: `"normal"`, Gaussian entries (as the paper), each factor scaled to the norm that it
            has on average, or `"orthogonal"`, random orthonormal rows or columns of that norm.
        start: Former name of `init`.
        generator: Source of randomness.
        device: Where the factors lie.
        dtype: Their dtype.

    Returns:
        M tensors, factor i of shape `(rank, out_i, in_i)`.

    Raises:
        TypeError: The dtype is no floating-point `torch.dtype`.
        ValueError: An unknown `init`.
    """
    chosen = init if start is None else start
    if chosen not in _INITS:
        raise ValueError(f"init: expected one of {', '.join(_INITS)}, got {chosen!r:.80}")
    check_device(device)
    check_dtype(dtype)
    per_factor = (gain**2 / shape.rank) ** (1 / shape.num_factors)
    factors = []
    for rank, n_out, n_in in shape.factor_shapes:
        factor = torch.empty(rank, n_out, n_in, device=device, dtype=dtype)
        if chosen == "normal":
            factor.normal_(generator=generator)
            # The product of few small Gaussian factors has a heavy-tailed norm: fix each factor's.
            factor.mul_((per_factor * n_out) ** 0.5 / factor.flatten(1).norm(dim=1)[:, None, None])
        else:
            for matrix in factor:
                torch.nn.init.orthogonal_(matrix, generator=generator)
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
    """Make the vectors of a Kronecker bias that is zero, but has a gradient.

    The first vector is zero and the others are one, so the bias is zero and its first vector
    learns at once. Were two vectors zero, the gradient of each would be zero for ever.

    Args:
        shape: The layer's dims and rank.
        device: Where the vectors lie.
        dtype: Their dtype.

    Returns:
        M vectors of lengths `out_i`.

    Raises:
        TypeError: The dtype is no floating-point `torch.dtype`.
    """
    check_device(device)
    check_dtype(dtype)
    sizes = shape.out_dims
    first = torch.zeros(sizes[0], device=device, dtype=dtype)
    return [first, *(torch.ones(n, device=device, dtype=dtype) for n in sizes[1:])]
