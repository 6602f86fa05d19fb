"""The layer that takes a dense layer's place, with given numbers."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from qimlp.compression.targets import Target
from qimlp.nn import KroneckerConv2d, KroneckerLinear, kronecker_like
from qimlp.shapes import KroneckerShape


@torch.no_grad()
def replacement(
    target: Target, factors: Sequence[Tensor], bias: Tensor | Sequence[Tensor] | None
) -> KroneckerLinear | KroneckerConv2d:
    """Make the Kronecker layer that takes a dense layer's place.

    Its hooks come to it when it is put there; see `swap_`.

    Args:
        target: The dense layer; it is not changed.
        factors: M tensors, factor i of shape `(rank, out_dims[i], in_dims[i])`, of any dtype and
            device. They are copied.
        bias: A vector of shape `(out,)`, the M vectors of a Kronecker bias, or None.

    Returns:
        A layer of the target's dtype, device and mode, which learns where the target does and
        shares memory with nothing.

    Raises:
        ValueError: Factors or a bias that do not fit the target, or numbers that are not finite in
            its dtype.
    """
    out_dims, in_dims = zip(*[factor.shape[1:] for factor in factors], strict=True)
    shape = KroneckerShape(in_dims, out_dims, factors[0].shape[0])
    form = None if bias is None else "dense" if isinstance(bias, Tensor) else "kronecker"
    vectors = () if bias is None else (bias,) if isinstance(bias, Tensor) else tuple(bias)
    layer = kronecker_like(target.module, shape, form)
    written = layer.bias_factors or (() if layer.bias is None else (layer.bias,))
    pairs = [*zip(layer.factors, factors, strict=True), *zip(written, vectors, strict=True)]
    for parameter, value in pairs:
        if parameter.shape != value.shape:
            raise ValueError(
                f"{target.name}: expected a tensor of shape {tuple(parameter.shape)}, "
                f"got {tuple(value.shape)}"
            )
        parameter.copy_(value)
        if not bool(torch.isfinite(parameter).all()):
            dtype = str(parameter.dtype).removeprefix("torch.")
            raise ValueError(
                f"{target.name}: the fitted layer has numbers beyond {dtype}; skip this layer"
            )
    return layer
