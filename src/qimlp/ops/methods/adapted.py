"""A frozen weight plus a sum of Kronecker products, in one matrix product.

For many rows it costs next to nothing to add the sum to the weight, which leaves one product
forward and one for the input's gradient, as the frozen layer alone has them. The factors' gradients
are taken factor by factor; a gradient as large as the weight is never made.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own custom

from qimlp.ops import native
from qimlp.ops.call.casts import autocast_dtype
from qimlp.ops.choose import choose
from qimlp.ops.merge import merge_factors
from qimlp.ops.methods.dense import add_to_weight
from qimlp.ops.methods.two_gemm import two_gemm_backward
from qimlp.ops.tracing import is_plain_call, needs_composite, needs_grad
from qimlp.shapes import Groups, KroneckerShape, Method, Problem, Sizes

_PLAIN = (Tensor, torch.nn.Parameter)  # no subclass that might want another method
_PRECISE = (torch.float32, torch.float64)  # narrower, a small sum would vanish in the weight
_PASSES = (2, 3)  # over the weight to add a sum to it: one product, several


def adapted_linear(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    factors: Sequence[Tensor],
    shape: KroneckerShape,
    *,
    transposed: bool = False,
) -> Tensor | None:
    """Compute `x (W + sum_c kron(...))^T + bias` for frozen `W` and bias.

    Args:
        x: What a user gave, unchecked; shape `(*, in_features)`.
        weight: `W`, shape `(out_features, in_features)`.
        bias: Shape `(out_features,)`, or None.
        factors: M tensors of the shape's `factor_shapes`.
        shape: Of the sum.
        transposed: Whether `weight` is of shape `(in_features, out_features)`.

    Returns:
        Shape `(*, out_features)`; with factors of zero it is the frozen layer's to the bit. None
        where the two parts are to be computed apart: few rows, narrow dtypes, autocast, transforms.
    """
    if not _is_ordinary(x, weight, bias, factors, shape):
        return None
    rows = x.numel() // shape.in_features
    found = _chosen(shape.sizes, rows, x.dtype, x.device.type)
    if found is None:
        return None
    method, groups = found
    if method == "dense" or not needs_grad(factors[0], factors[1:], ()):
        return _product(x, _sum(weight, factors, transposed), bias, transposed)
    if method != "fused":
        factors, groups = merge_factors(factors, groups), ()
    y: Tensor = AdaptedLinear.apply(  # type: ignore[no-untyped-call]
        x, weight, bias, transposed, groups, *factors
    )
    return y


class AdaptedLinear(torch.autograd.Function):
    """One product with the sum of both weights; keeps the input, the weight and the factors.

    The backward is made of differentiable operations, so second derivatives are exact.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        transposed: bool,
        groups: Groups,
        *factors: Tensor,
    ) -> Tensor:
        """The output; `groups` are the kernel's, or none for two factors and torch's products."""
        ctx.save_for_backward(x, weight, *factors)
        ctx.transposed, ctx.groups = transposed, groups
        return _product(x, _sum(weight, factors, transposed), bias, transposed)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of the input and of the factors, as far as they are needed."""
        x, weight, *factors = ctx.saved_tensors
        needs_x, needs_factors = ctx.needs_input_grad[0], any(ctx.needs_input_grad[5:])
        grad = grad.reshape(-1, grad.shape[-1])
        grad_x = None
        if needs_x:
            whole = _sum(weight, factors, ctx.transposed)
            whole = whole.t() if ctx.transposed else whole
            grad_x = torch.mm(grad, whole).reshape(x.shape)
        found: Sequence[Tensor | None] = [None] * len(factors)
        if needs_factors:
            found = _factor_gradients(grad, x.reshape(len(grad), -1), factors, ctx.groups)
        return (grad_x, None, None, None, None, *found)


def _factor_gradients(
    grad: Tensor, x: Tensor, factors: Sequence[Tensor], groups: Groups
) -> Sequence[Tensor | None]:
    if groups:
        return native.factor_gradients(grad, x, factors, groups)
    a, b = factors
    return two_gemm_backward(grad, x, a, b, (False, True, True))[1:]


def _sum(weight: Tensor, factors: Sequence[Tensor], transposed: bool) -> Tensor:
    if transposed:
        factors = [factor.transpose(1, 2) for factor in factors]
    return add_to_weight(weight, factors)


def _product(x: Tensor, weight: Tensor, bias: Tensor | None, transposed: bool) -> Tensor:
    if not transposed:
        return F.linear(x, weight, bias)
    rows = x.reshape(-1, x.shape[-1])
    y = torch.mm(rows, weight) if bias is None else torch.addmm(bias, rows, weight)
    return y.view(*x.shape[:-1], y.shape[-1])


def _is_ordinary(
    x: Tensor, weight: Tensor, bias: Tensor | None, factors: Sequence[Tensor], shape: KroneckerShape
) -> bool:
    if type(x) not in _PLAIN or not is_plain_call() or needs_composite():
        return False
    if x.dtype not in _PRECISE or x.layout != torch.strided or x.is_nested or x.numel() == 0:
        return False
    if x.shape[-1:] != (shape.in_features,) or autocast_dtype(x.device.type) is not None:
        return False
    frozen = (weight,) if bias is None else (weight, bias)
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in frozen):
        return False
    return all(
        type(each) in _PLAIN and each.dtype == x.dtype and each.device == x.device
        for each in (*frozen, *factors)
    )


@lru_cache(maxsize=4096)
def _chosen(
    sizes: Sizes, rows: int, dtype: torch.dtype, device: str
) -> tuple[Method, Groups] | None:
    """The method of the factors' gradients; None where adding to the weight does not pay."""
    shape, name = KroneckerShape(*sizes), str(dtype).removeprefix("torch.")
    forward = Problem(shape, rows, name, device)
    passes = _PASSES[shape.rank > 1] * shape.dense_weight_parameters * forward.item_bytes
    added = passes / forward.rates.bandwidth
    if added > choose(forward).seconds:
        return None
    recorded = Problem(shape, rows, name, device, needs_grad=True)
    candidate = choose(recorded)
    # A GPU's kernels take pairs of groups only; torch's products do for gradients of many rows.
    if candidate.method == "chain" or (candidate.method == "fused" and device != "cpu"):
        candidate = choose(recorded, "two_gemm")
    return candidate.method, candidate.groups
