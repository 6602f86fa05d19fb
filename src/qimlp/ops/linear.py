"""Run one call the way that was chosen for it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from qimlp.ops._torch_private import constant_while_traced
from qimlp.ops.chain import chain
from qimlp.ops.choose import choose
from qimlp.ops.cuda_graphs import launches_are_recorded
from qimlp.ops.definition import kron_bias
from qimlp.ops.dense import linear_dense
from qimlp.ops.fused import linear_fused
from qimlp.ops.merge import merge_bias, merge_factors
from qimlp.ops.tracing import is_plain_call, needs_composite, needs_grad
from qimlp.ops.two_gemm import TwoGemm, two_gemm
from qimlp.shapes import KroneckerShape, Problem


def linear_rows(
    x: Tensor, factors: Sequence[Tensor], bias: Sequence[Tensor], shape: KroneckerShape, way: str
) -> Tensor:
    """`x W^T + bias` for checked arguments.

    Args:
        x: shape `(batch, in_features)`.
        factors: M tensors of shape `(rank, out_i, in_i)`.
        bias: nothing, one vector `(out_features,)`, or M vectors `(out_i,)` of a Kronecker bias.
        shape: of the factors.
        way: `"auto"` or the name of a way.

    Returns:
        Shape `(batch, out_features)`.
    """
    recorded = needs_grad(x, factors, bias)
    spread = type(x) is not Tensor and hasattr(x, "full_tensor")  # a DTensor, over processes
    composite = spread or needs_composite()
    # While tracing the size may be a symbol, which a choice must not depend on.
    known = not torch.compiler.is_compiling() and type(x.shape[0]) is int
    rows = x.shape[0] if known else None
    way, groups = _chosen(
        shape.in_dims,
        shape.out_dims,
        shape.rank,
        rows,
        x.dtype,
        x.device.type,
        recorded,
        way,
        composite,
    )
    if way == "fused":
        return linear_fused(x, factors, bias, groups)
    if way == "dense":
        return linear_dense(x, factors, kron_bias(bias) if bias else None)
    if len(groups) < len(factors):
        factors = merge_factors(factors, groups)
    if way == "two_gemm":
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


@lru_cache(maxsize=4096)
def _cached_choice(
    in_dims: tuple[int, ...],
    out_dims: tuple[int, ...],
    rank: int,
    rows: int | None,
    dtype: torch.dtype,
    device: str,
    recorded: bool,
    way: str,
    composite: bool,
    captured: bool,
) -> tuple[str, tuple[int, ...]]:
    shape = KroneckerShape(in_dims, out_dims, rank)
    name = str(dtype).removeprefix("torch.")
    problem = Problem(shape, rows, name, device, recorded, captured=captured)
    candidate = choose(problem, way, composite=composite)
    return candidate.way, candidate.groups


@constant_while_traced
def _chosen(*arguments: Any) -> tuple[str, tuple[int, ...]]:
    return _cached_choice(*arguments, launches_are_recorded())
