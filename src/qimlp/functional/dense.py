"""The definitions of weight and bias, built in full."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor

from qimlp.ops import as_tensors, check_factors, check_like
from qimlp.ops import kron_bias as define_bias
from qimlp.ops import kron_dense as define_dense


def kron_dense(factors: Iterable[Tensor]) -> Tensor:
    """`W = sum_c kron(factors[0][c], ..., factors[M-1][c])`, in full: the definition.

    Everything else is compared with it. It holds `prod out_i * prod in_i` numbers, `rank` times
    while it is being built.

    Args:
        factors: M tensors, factor i of shape `(rank, out_i, in_i)`; first factor slowest.

    Returns:
        Shape `(prod out_i, prod in_i)`.

    Raises:
        TypeError: Not floating-point tensors of one dtype on one device.
        ValueError: Shapes that do not fit.
    """
    return define_dense(check_factors(factors)[0])


def kron_bias(bias_factors: Iterable[Tensor]) -> Tensor:
    """`B = kron(b_1, ..., b_M)` (paper, Eq. 3).

    Args:
        bias_factors: M vectors, factor i of length `out_i`; first factor slowest.

    Returns:
        Shape `(prod out_i,)`.

    Raises:
        TypeError: Not vectors of one dtype on one device.
        ValueError: No factor, or one that is no vector.
    """
    vectors = as_tensors("bias_factors", bias_factors, "(out_i,)")
    if not vectors:
        raise ValueError("bias_factors: expected a sequence of at least one vector, got none")
    for i, factor in enumerate(vectors):
        if factor.dim() != 1:
            raise ValueError(
                f"bias_factors[{i}]: expected a vector, got shape {tuple(factor.shape)}"
            )
        check_like(f"bias_factors[{i}]", factor, "bias_factors[0]", vectors[0])
    return define_bias(vectors)
