import pytest
import torch

from qimlp import functional
from qimlp.functional import kron_bias, kron_dense, kron_linear, kron_matmul, nearest_kronecker

FACTORS = [torch.randn(1, 2, 3), torch.randn(1, 4, 5)]
X = torch.randn(7, 15)


@pytest.mark.parametrize(
    ("x", "factors", "bias", "error", "message"),
    [
        (
            torch.randn(7, 14),
            FACTORS,
            None,
            ValueError,
            r"expected last size 15 \(= 3\*5\), got shape \(7, 14\)",
        ),
        (torch.tensor(1.0), FACTORS, None, ValueError, "expected last size 15"),
        (
            torch.ones(7, 15, dtype=torch.long),
            FACTORS,
            None,
            TypeError,
            "floating-point dtype, got torch.int64",
        ),
        ([1.0], FACTORS, None, TypeError, "x: expected a tensor, got list"),
        (X.double(), FACTORS, None, TypeError, "x: expected dtype torch.float32"),
        (X.to("meta"), FACTORS, None, TypeError, "x: expected device cpu"),
        (X, [], None, ValueError, "at least one tensor"),
        (X, FACTORS[0], None, TypeError, "put it in a list"),
        (X, [FACTORS[0], [1.0]], None, TypeError, r"factors\[1\]: expected a tensor"),
        (X, [FACTORS[0], FACTORS[1][0]], None, ValueError, r"factors\[1\]: expected shape"),
        (X, [FACTORS[0], torch.randn(2, 4, 5)], None, ValueError, "expected rank 1"),
        (X, [FACTORS[0], FACTORS[1].double()], None, TypeError, r"factors\[1\]: expected dtype"),
        (
            X,
            [f.long() for f in FACTORS],
            None,
            TypeError,
            "factors: expected a floating-point dtype",
        ),
        (X, [torch.randn(0, 2, 3), torch.randn(0, 4, 5)], None, ValueError, "rank: expected"),
        (X, FACTORS, torch.randn(9), ValueError, r"bias: expected shape \(8,\), got \(9,\)"),
        (X, FACTORS, torch.randn(8).double(), TypeError, "bias: expected dtype"),
        (X, FACTORS, 1.0, TypeError, r"bias: expected a sequence .* or one tensor .*, got float"),
        (X, FACTORS, [1.0, 2.0], TypeError, r"bias\[0\]: expected a tensor, got float"),
        (X, 3, None, TypeError, "factors: expected a sequence of tensors .*, got int"),
        (X.to_sparse(), FACTORS, None, TypeError, "got layout torch.sparse_coo; .*to_dense"),
        (X, FACTORS, [torch.randn(2)], ValueError, "expected 2 vectors of lengths"),
        (
            X,
            FACTORS,
            [torch.randn(2), torch.randn(3)],
            ValueError,
            r"got shapes \[\(2,\), \(3,\)\]",
        ),
    ],
)
def test_one_clear_line(x, factors, bias, error, message):
    with pytest.raises(error, match=message) as caught:
        kron_linear(x, factors, bias)
    assert "\n" not in str(caught.value)


def test_methods():
    with pytest.raises(ValueError, match="expected one of auto, fused, two_gemm, chain, dense"):
        kron_matmul(X, FACTORS, method="fast")
    with pytest.raises(ValueError, match="it needs at least three factors and this layer has 2"):
        kron_matmul(X, FACTORS, method="chain")


def test_bias_factors():
    with pytest.raises(ValueError, match="at least one vector"):
        kron_bias([])
    with pytest.raises(ValueError, match=r"bias_factors\[1\]: expected a vector"):
        kron_bias([torch.ones(2), torch.ones(2, 2)])


def test_nearest():
    with pytest.raises(ValueError, match="expected shape"):
        nearest_kronecker(torch.randn(8, 14), (3, 5), (2, 4), 1)
    with pytest.raises(ValueError, match="finite"):
        nearest_kronecker(torch.full((8, 15), torch.nan), (3, 5), (2, 4), 1)
    with pytest.raises(TypeError, match="floating-point"):
        nearest_kronecker(torch.ones(8, 15, dtype=torch.long), (3, 5), (2, 4), 1)
    with pytest.raises(ValueError, match="rank"):
        nearest_kronecker(torch.randn(8, 15), (3, 5), (2, 4), 0)


def test_norms_of_different_dims():
    with pytest.raises(ValueError, match="same dims"):
        functional.frobenius_inner(FACTORS, [torch.randn(1, 2, 3), torch.randn(1, 5, 5)])


def test_dense_checks_too():
    with pytest.raises(ValueError, match="expected rank"):
        kron_dense([torch.randn(1, 2, 3), torch.randn(2, 4, 5)])


def test_a_bias_of_numbers_is_refused_in_one_line():
    with pytest.raises(TypeError, match=r"bias_factors\[0\]: expected a tensor, got list"):
        kron_bias([[1.0, 2.0]])
    with pytest.raises(TypeError, match="put it in a list"):
        kron_bias(torch.ones(3))
    with pytest.raises(ValueError, match="at least one vector, got none"):
        kron_bias([])


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_a_nested_input_is_refused_in_one_line():
    rows = [torch.randn(2, 15), torch.randn(3, 15)]
    nested = torch.nested.nested_tensor(rows, layout=torch.jagged)
    with pytest.raises(TypeError, match="got a nested one"):
        kron_linear(nested, FACTORS)
