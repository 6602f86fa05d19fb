"""The operator: apply a sum of Kronecker products without building it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod

from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own custom
from torch.overrides import has_torch_function_unary

from qimlp.functional.checks import check_bias, check_factors, check_input, check_like
from qimlp.functional.overrides import gathered, overridden
from qimlp.ops import autocast, autocast_dtype, linear_rows, quick_linear
from qimlp.shapes import KroneckerShape


def kron_matmul(x: Tensor, factors: Iterable[Tensor], *, method: str = "auto") -> Tensor:
    """`y = W x` with `W = sum_c kron(factors[0][c], ..., factors[M-1][c])` (paper, Eqs. 2 and 4).

    Args:
        x: shape `(*, prod in_i)`, any leading axes, contiguous or not.
        factors: M tensors, factor i of shape `(rank, out_i, in_i)`; first factor slowest.
        method: `"auto"`, or force `"fused"`, `"dense"`, `"two_gemm"` or `"chain"`. All compute the
            same.

    Returns:
        Shape `(*, prod out_i)`.

    Raises:
        TypeError: not floating-point tensors of one dtype on one device (autocast aside).
        ValueError: shapes that do not fit, or an unknown method.
    """
    return kron_linear(x, factors, None, method=method)


def kron_linear(
    x: Tensor,
    factors: Iterable[Tensor],
    bias: Tensor | Iterable[Tensor] | None = None,
    *,
    method: str = "auto",
) -> Tensor:
    """`y = W x + bias`, see `kron_matmul`.

    `bias` is a vector of shape `(prod out_i,)`, or the M vectors of shape `(out_i,)` of a
    Kronecker bias (paper, Eq. 3), which is then added without a gradient of its full length.

    Under autocast, float32 and narrower arguments are cast as for `torch.nn.functional.linear`.
    """
    factors, bias = gathered(factors), gathered(bias)
    y = overridden(kron_linear, x, factors, bias, method)
    if y is not None:
        return y
    tensors, shape = check_factors(factors)
    return apply_layer(x, tensors, check_bias(bias, shape), shape, method)


def apply_layer(
    x: Tensor,
    factors: Sequence[Tensor],
    bias: Sequence[Tensor],
    shape: KroneckerShape,
    method: str = "auto",
    *,
    gelu: bool = False,
) -> Tensor:
    """`kron_linear` for a caller that knows its factors to be of `shape`, as a module does.

    Args:
        x: shape `(*, prod in_i)`.
        factors: M tensors of the shape's `factor_shapes`.
        bias: nothing, one vector `(prod out_i,)`, or M vectors `(out_i,)`.
        shape: of the layer.
        method: as for `kron_matmul`.
        gelu: return the exact GELU of the result, in one pass where the kernel takes the call.

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
        return F.gelu(apply_layer(x, factors, bias, shape, method))
    if type(x) is not Tensor and has_torch_function_unary(x):
        vectors = None if not bias else bias[0] if len(bias) == 1 else list(bias)
        y = overridden(kron_linear, x, list(factors), vectors, method)
        if y is not None:
            return y
    check_input(x, shape)
    device = x.device
    dtype = autocast_dtype(device.type)
    if dtype is not None:
        x = autocast(x, dtype)
        factors = [autocast(factor, dtype) for factor in factors]
        bias = [autocast(vector, dtype) for vector in bias]
    first = factors[0]
    check_like("x", x, "factors[0]", first)
    for vector in bias:
        check_like("bias", vector, "factors[0]", first)
    if x.dim() == 2:
        return linear_rows(x, factors, bias, shape, method)
    leading = x.shape[:-1]
    rows = x.reshape(prod(leading), shape.in_features)
    return linear_rows(rows, factors, bias, shape, method).reshape(*leading, shape.out_features)
