"""Pure functions on tensors: the operator, its parts, initial factors, norms, nearest sums."""

from qimlp.functional.dense import kron_bias, kron_dense
from qimlp.functional.explanation import explain
from qimlp.functional.gauge import balance, factor_norms
from qimlp.functional.initialize import init_bias_factors, init_factors
from qimlp.functional.linear import kron_linear, kron_matmul
from qimlp.functional.nearest_sums.nearest import nearest_kronecker, nearest_kronecker_bias
from qimlp.functional.nearest_sums.nearest_order import nearest_kronecker_order
from qimlp.functional.norm import frobenius_inner, frobenius_norm

__all__ = [
    "balance",
    "explain",
    "factor_norms",
    "frobenius_inner",
    "frobenius_norm",
    "init_bias_factors",
    "init_factors",
    "kron_bias",
    "kron_dense",
    "kron_linear",
    "kron_matmul",
    "nearest_kronecker",
    "nearest_kronecker_bias",
    "nearest_kronecker_order",
]
