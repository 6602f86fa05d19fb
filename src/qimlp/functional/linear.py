"""The operator: apply a sum of Kronecker products without building it."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor

from qimlp.ops import apply_layer, check_bias, check_factors, gathered, overridden


def kron_matmul(x: Tensor, factors: Iterable[Tensor], *, method: str = "auto") -> Tensor:
    """`y = W x` with `W = sum_c kron(factors[0][c], ..., factors[M-1][c])` (paper, Eqs. 2 and 4).

    Args:
        x: Shape `(*, prod in_i)`, any leading axes, contiguous or not.
        factors: M tensors, factor i of shape `(rank, out_i, in_i)`; first factor slowest.
        method: `"auto"`, or force `"fused"`, `"dense"`, `"two_gemm"` or `"chain"`. All compute the
            same.

    Returns:
        Shape `(*, prod out_i)`.

    Raises:
        TypeError: Not floating-point tensors of one dtype on one device (autocast aside).
        ValueError: Shapes that do not fit, or an unknown method.
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

    Under autocast, float32 and narrower arguments are cast as for `torch.nn.functional.linear`.

    Args:
        x: Shape `(*, prod in_i)`, any leading axes, contiguous or not.
        factors: M tensors, factor i of shape `(rank, out_i, in_i)`; first factor slowest.
        bias: A vector of shape `(prod out_i,)`, or the M vectors of shape `(out_i,)` of a
            Kronecker bias (paper, Eq. 3), which is then added without a gradient of its full
            length.
        method: As for `kron_matmul`.

    Returns:
        Shape `(*, prod out_i)`.

    Raises:
        TypeError: Not floating-point tensors of one dtype on one device (autocast aside).
        ValueError: Shapes that do not fit, or an unknown method.
    """
    factors, bias = gathered(factors), gathered(bias)
    y = overridden(kron_linear, x, factors, bias, method)
    if y is not None:
        return y
    tensors, shape = check_factors(factors)
    vectors = check_bias(bias, shape)
    return apply_layer(kron_linear, x, tensors, vectors, shape, method)
