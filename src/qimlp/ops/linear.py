"""Run one call by the method that was chosen for it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from qimlp.ops._torch_private import constant_while_traced
from qimlp.ops.choose import choices
from qimlp.ops.cuda_graphs import launches_are_recorded
from qimlp.ops.definition import kron_bias
from qimlp.ops.merge import merge_bias, merge_factors
from qimlp.ops.methods.chain import chain
from qimlp.ops.methods.dense import linear_dense
from qimlp.ops.methods.fused import linear_fused
from qimlp.ops.methods.two_gemm import TwoGemm, two_gemm
from qimlp.ops.tracing import is_plain_call, needs_composite, needs_grad
from qimlp.shapes import Groups, KroneckerShape, Method, Sizes


def linear_rows(
    x: Tensor, factors: Sequence[Tensor], bias: Sequence[Tensor], shape: KroneckerShape, method: str
) -> Tensor:
    """Compute `x W^T + bias` for checked arguments.

    Args:
        x: Inputs of shape `(batch, in_features)`.
        factors: M tensors of shape `(rank, out_i, in_i)`.
        bias: Nothing, one vector `(out_features,)`, or M vectors `(out_i,)` of a Kronecker bias.
        shape: Of the factors.
        method: `"auto"` or the name of a method.

    Returns:
        Shape `(batch, out_features)`.
    """
    recorded = needs_grad(x, factors, bias)
    spread = type(x) is not Tensor and hasattr(x, "full_tensor")  # a DTensor, over processes
    composite = spread or needs_composite()
    # While tracing the size may be a symbol, which a choice must not depend on.
    known = not torch.compiler.is_compiling() and type(x.shape[0]) is int
    x_size = x.shape if known else None
    method, groups = _chosen(
        shape.sizes, x_size, x.dtype, x.device.type, method, composite, recorded
    )
    if method == "fused":
        return linear_fused(x, factors, bias, groups)
    if method == "dense":
        return linear_dense(x, factors, kron_bias(bias) if bias else None)
    if len(groups) < len(factors):
        factors = merge_factors(factors, groups)
    if method == "two_gemm":
        if recorded and is_plain_call():
            if len(bias) > 2:
                bias = merge_bias(bias, groups)
            out: Tensor = TwoGemm.apply(x, *factors, *bias)  # type: ignore[no-untyped-call]
            return out
        y = two_gemm(x, *factors)
    else:
        y = chain(x, factors)
    if not bias:
        return y
    vector = kron_bias(bias)
    return y + vector if recorded or not is_plain_call() else y.add_(vector)


@constant_while_traced
def _chosen(
    sizes: Sizes,
    x_size: tuple[int, ...] | None,
    dtype: torch.dtype,
    device: str,
    method: str,
    composite: bool,
    recorded: bool,
) -> tuple[Method, Groups]:
    found = choices(sizes, x_size, dtype, device, method, composite, launches_are_recorded())
    return found.recorded if recorded else found.plain
