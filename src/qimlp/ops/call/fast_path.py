"""The shortest way to the compiled kernel, for calls that are in every respect ordinary.

On few rows the kernel takes a few microseconds, and checking and choosing anew would take as long
as it does. So the answer is looked up by what can differ from call to call.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from qimlp.ops import native
from qimlp.ops._torch_private import is_transformed
from qimlp.ops.call.casts import as_rows, autocast_dtype, cast_all
from qimlp.ops.choose import choices
from qimlp.ops.tracing import needs_grad
from qimlp.shapes import KroneckerShape

_PLAIN = (Tensor, torch.nn.Parameter)  # no subclass that might want another method


def quick_linear(
    x: Tensor,
    factors: Sequence[Tensor],
    bias: Sequence[Tensor],
    shape: KroneckerShape,
    *,
    gelu: bool = False,
) -> Tensor | None:
    """Compute `x W^T + bias` by the compiled kernel; None where only checks and chooser can tell.

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
        width = shape.in_features
        if x.dim() == 0 or x.shape[-1] != width or x.layout != torch.strided or x.is_nested:
            return None
        x, leading = as_rows(x)
    groups, groups_recorded, _, _ = choices(shape.sizes, x.shape, dtype)
    if groups is not groups_recorded and needs_grad(x, factors, bias):
        groups = groups_recorded
    if groups is None:
        return None
    if cast_to is not None:
        x, factors, bias = cast_all(x, factors, bias, dtype)
    try:
        y = native.linear_now(x, factors, bias, groups, gelu=gelu)
    except (TypeError, ValueError, NotImplementedError):
        return None
    return y if leading is None else y.view(*leading, shape.out_features)
