"""The shortest way to the compiled kernel, for calls that are in every respect ordinary.

On few rows the kernel takes a few microseconds, and checking and choosing anew would take as long
as it does. So the answer is looked up by what can differ from call to call.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import prod

import torch
from torch import Tensor

from qimlp.ops import native
from qimlp.ops._torch_private import is_transformed
from qimlp.ops.call.casts import autocast, autocast_dtype
from qimlp.ops.choose import choose
from qimlp.ops.tracing import needs_grad
from qimlp.shapes import KroneckerShape, Problem

_KERNEL_DTYPES = (torch.float32, torch.float64, torch.bfloat16)
_PLAIN = (Tensor, torch.nn.Parameter)  # no subclass that might want another way

#: The kernel's groups, or None where the kernel is not the way to take.
Groups = tuple[int, ...] | None


def quick_linear(
    x: Tensor,
    factors: Sequence[Tensor],
    bias: Sequence[Tensor],
    shape: KroneckerShape,
    *,
    gelu: bool = False,
) -> Tensor | None:
    """`x W^T + bias` by the compiled kernel; None where only checks and chooser can say the way.

    The kernel repeats every check. What it refuses is None here too: the caller's own checks then
    say it in the user's words, and what they let pass is computed, or refused, again.

    Args:
        x: What the user gave, unchecked; shape `(*, in_features)`.
        factors: M tensors of the shape's `factor_shapes`.
        bias: Nothing, one vector `(out_features,)`, or M vectors `(out_i,)`.
        shape: Of the layer.
        gelu: Return the exact GELU of that.

    Returns:
        Shape `(*, out_features)`, or None. Under autocast in its dtype, with GELU before
        the rounding.
    """
    if torch.compiler.is_compiling() or type(x) not in _PLAIN or not x.is_cpu or is_transformed():
        return None
    cast_to = autocast_dtype("cpu")
    if x.dtype == torch.float64 or not x.is_floating_point():
        cast_to = None
    dtype = cast_to or x.dtype
    leading: Sequence[int] | None = None
    if x.dim() != 2:
        leading, width = x.shape[:-1], shape.in_features
        if x.dim() == 0 or x.shape[-1] != width or x.layout != torch.strided or x.is_nested:
            return None
        x = x.reshape(prod(leading), width)
    quiet, recording = _groups(x.shape, dtype, shape.in_dims, shape.out_dims, shape.rank)
    if quiet is not recording and needs_grad(x, factors, bias):
        quiet = recording
    if quiet is None:
        return None
    if cast_to is not None:
        x = autocast(x, dtype)
        factors = [autocast(factor, dtype) for factor in factors]
        bias = [autocast(vector, dtype) for vector in bias]
    try:
        y = native.linear_now(x, factors, bias, quiet, gelu=gelu)
    except (TypeError, ValueError, NotImplementedError):
        return None
    return y if leading is None else y.view(*leading, shape.out_features)


@lru_cache(maxsize=4096)
def _groups(
    size: tuple[int, ...],
    dtype: torch.dtype,
    in_dims: tuple[int, ...],
    out_dims: tuple[int, ...],
    rank: int,
) -> tuple[Groups, Groups]:
    """The chooser's groups for an input of `size`: without gradients, and with them.

    The two are one object where they are equal.
    """
    shape = KroneckerShape(in_dims, out_dims, rank)
    if size[1] != shape.in_features or dtype not in _KERNEL_DTYPES:
        return None, None
    name = str(dtype).removeprefix("torch.")
    found: list[Groups] = []
    for with_gradients in (False, True):
        candidate = choose(Problem(shape, size[0], name, "cpu", with_gradients))
        found.append(candidate.groups if candidate.way == "fused" else None)
    quiet, recording = found
    return quiet, quiet if quiet == recording else recording
