"""The definitions of weight and bias, built in full."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from qimlp.functional.checks import check_factors, check_like
from qimlp.ops import definition


def kron_dense(factors: Sequence[Tensor]) -> Tensor:
    """`W = sum_c kron(factors[0][c], ..., factors[M-1][c])`, in full: the definition.

    Everything else is compared with it. It holds `prod out_i * prod in_i` numbers, `rank` times
    while it is being built.

    Args:
        factors: M tensors, factor i of shape `(rank, out_i, in_i)`; first factor slowest.

    Returns:
        Shape `(prod out_i, prod in_i)`.

    Raises:
        TypeError: not floating-point tensors of one dtype on one device.
        ValueError: shapes that do not fit.
    """
    check_factors(factors)
    return definition.kron_dense(factors)


def kron_bias(bias_factors: Sequence[Tensor]) -> Tensor:
    """`B = kron(b_1, ..., b_M)` (paper, Eq. 3).

    Args:
        bias_factors: M vectors, factor i of length `out_i`; first factor slowest.

    Returns:
        Shape `(prod out_i,)`.

    Raises:
        TypeError: not vectors of one dtype on one device.
        ValueError: no factor, or one that is no vector.
    """
    if len(bias_factors) == 0:
        raise ValueError("bias_factors: expected a sequence of at least one vector")
    for i, factor in enumerate(bias_factors):
        if factor.dim() != 1:
            raise ValueError(
                f"bias_factors[{i}]: expected a vector, got shape {tuple(factor.shape)}"
            )
        check_like(f"bias_factors[{i}]", factor, "bias_factors[0]", bias_factors[0])
    return definition.kron_bias(bias_factors)
