"""One call of a layer, from what a user gave to the method that computes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own custom
from torch.overrides import has_torch_function_unary

from qimlp.ops.call.casts import as_rows, autocast_dtype, cast_all
from qimlp.ops.call.checks import check_input, check_like
from qimlp.ops.call.fast_path import quick_linear
from qimlp.ops.call.overrides import overridden
from qimlp.ops.linear import linear_rows
from qimlp.shapes import KroneckerShape


def apply_layer(
    function: Callable[..., Tensor],
    x: Tensor,
    factors: Sequence[Tensor],
    bias: Sequence[Tensor],
    shape: KroneckerShape,
    method: str = "auto",
    *,
    gelu: bool = False,
) -> Tensor:
    """Compute `W x + bias` for a caller that knows its factors to be of `shape`, as a module does.

    Args:
        function: The public function that computes the same from `x`, factors and bias: what a
            proxy or a subclass of `Tensor` gets to see.
        x: Shape `(*, prod in_i)`.
        factors: M tensors of the shape's `factor_shapes`.
        bias: Nothing, one vector `(prod out_i,)`, or M vectors `(out_i,)`.
        shape: The layer's dims and rank.
        method: `"auto"` or the name of a method.
        gelu: Return the exact GELU of the result, in one pass where the kernel takes the call.

    Returns:
        Shape `(*, prod out_i)`.

    Raises:
        TypeError: `x` is not of the factors' dtype and device (autocast aside).
        ValueError: `x` is not `in_features` wide, or an unknown method.
    """
    if method == "auto":
        y = quick_linear(x, factors, bias, shape, gelu=gelu)
        if y is not None:
            return y
    if gelu:
        return F.gelu(apply_layer(function, x, factors, bias, shape, method))
    if type(x) is not Tensor and has_torch_function_unary(x):
        vectors = None if not bias else bias[0] if len(bias) == 1 else list(bias)
        y = overridden(function, x, list(factors), vectors, method)
        if y is not None:
            return y
    check_input(x, shape)
    device = x.device
    dtype = autocast_dtype(device.type)
    if dtype is not None:
        x, factors, bias = cast_all(x, factors, bias, dtype)
    first = factors[0]
    check_like("x", x, "factors[0]", first)
    for vector in bias:
        check_like("bias", vector, "factors[0]", first)
    if x.dim() == 2:
        return linear_rows(x, factors, bias, shape, method)
    rows, leading = as_rows(x)
    return linear_rows(rows, factors, bias, shape, method).reshape(*leading, shape.out_features)
