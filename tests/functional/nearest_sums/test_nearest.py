import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from qimlp.functional import (
    factor_norms,
    kron_bias,
    kron_dense,
    nearest_kronecker,
    nearest_kronecker_bias,
)
from tests.problems import make_factors
from tests.tolerances import assert_close


@given(st.integers(1, 3), st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_a_weight_of_that_rank_is_recovered(rank, seed):
    ins, outs = (3, 4), (5, 2)
    weight = kron_dense(make_factors(ins, outs, rank, seed=seed))
    factors, error = nearest_kronecker(weight, ins, outs, rank)
    assert [tuple(f.shape) for f in factors] == [(rank, 5, 3), (rank, 2, 4)]
    assert error < 1e-12
    assert_close(kron_dense(factors), weight)


def test_the_error_is_the_one_stated_and_none_is_smaller():
    torch.manual_seed(0)
    weight = torch.randn(10, 12, dtype=torch.float64)
    errors = []
    for rank in range(1, 9):
        factors, error = nearest_kronecker(weight, (3, 4), (5, 2), rank)
        actual = (weight - kron_dense(factors)).norm() / weight.norm()
        assert_close(error, actual)
        errors.append(float(error))
        for _ in range(5):
            moved = [f + 0.05 * torch.randn_like(f) for f in factors]
            assert (weight - kron_dense(moved)).norm() / weight.norm() >= error - 1e-12
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-12  # rank min(15, 8) holds every weight


def test_factors_come_balanced():
    weight = torch.randn(10, 12, dtype=torch.float64)
    norms = factor_norms(nearest_kronecker(weight, (3, 4), (5, 2), 2)[0])
    assert_close(norms[0], norms[1])


def test_a_rank_above_the_largest_is_filled_with_zeros():
    weight = torch.randn(4, 4, dtype=torch.float64)
    factors, error = nearest_kronecker(weight, (2, 2), (2, 2), 6)
    assert factors[0].shape == (6, 2, 2)
    assert error < 1e-12
    assert factor_norms(factors)[:, 4:].abs().max() == 0


def test_one_factor_and_a_zero_weight():
    weight = torch.randn(3, 5)
    (factor,), error = nearest_kronecker(weight, (5,), (3,), 2)
    assert torch.equal(factor.sum(0), weight)
    assert error < 1e-7
    factors, error = nearest_kronecker(torch.zeros(4, 4), (2, 2), (2, 2), 1)
    assert error == 0
    assert not kron_dense(factors).any()


def test_three_factors():
    pytest.importorskip("tensorly")
    ins, outs = (2, 3, 2), (3, 2, 2)
    weight = kron_dense(make_factors(ins, outs, 2))
    factors, error = nearest_kronecker(weight, ins, outs, 2)
    assert error < 1e-4
    assert torch.allclose(kron_dense(factors), weight, atol=1e-3)
    single = kron_dense(make_factors(ins, outs, 1, seed=3))
    assert nearest_kronecker(single, ins, outs, 1)[1] < 1e-8


def test_dtype_of_the_weight():
    factors, error = nearest_kronecker(torch.randn(4, 4), (2, 2), (2, 2), 1)
    assert factors[0].dtype == torch.float32
    assert error.dtype == torch.float64


@pytest.mark.parametrize("dims", [(3, 4), (12,)])
def test_a_kronecker_bias_is_recovered_and_none_is_nearer(dims):
    torch.manual_seed(0)
    vectors = [torch.randn(size, dtype=torch.float64) for size in dims]
    assert_close(kron_bias(nearest_kronecker_bias(kron_bias(vectors), dims)), kron_bias(vectors))
    bias = torch.randn(12, dtype=torch.float64)
    found = nearest_kronecker_bias(bias, dims)
    assert [tuple(vector.shape) for vector in found] == [(size,) for size in dims]
    error = (bias - kron_bias(found)).norm()
    for _ in range(20):
        moved = [vector + 0.05 * torch.randn_like(vector) for vector in found]
        assert (bias - kron_bias(moved)).norm() >= error - 1e-12


def test_a_zero_bias_can_still_learn():
    vectors = [v.requires_grad_() for v in nearest_kronecker_bias(torch.zeros(6), (2, 3))]
    bias = kron_bias(vectors)
    assert not bias.any()
    bias.sum().backward()
    assert any(vector.grad.any() for vector in vectors)


def test_a_weight_without_values_has_factors_without_values():
    for dims in [((8, 8), (4, 16)), ((2, 4, 8), (4, 4, 4))]:
        factors, error = nearest_kronecker(torch.empty(64, 64, device="meta"), *dims, 2)
        assert [f.device.type for f in factors] == ["meta"] * len(dims[0])
        assert [tuple(f.shape[1:]) for f in factors] == list(zip(*reversed(dims), strict=True))
        assert error.is_meta
    vectors = nearest_kronecker_bias(torch.empty(64, device="meta"), (4, 16))
    assert [tuple(v.shape) for v in vectors] == [(4,), (16,)]


@pytest.mark.parametrize("rank", [1, 2, 3, 8])
@pytest.mark.parametrize("m", [2, 3])
def test_a_weight_of_fewer_copies_leaves_the_others_zero(m, rank):
    """Where copies are left over, alternating least squares meets singular systems."""
    dims = (4,) * m
    ones = torch.ones(4**m, 4**m, dtype=torch.float64)
    for weight in (torch.eye(4**m, dtype=torch.float64), ones):
        factors, error = nearest_kronecker(weight, dims, dims, rank)
        assert [tuple(factor.shape) for factor in factors] == [(rank, 4, 4)] * m
        assert error < 1e-7
        torch.testing.assert_close(kron_dense(factors), weight, rtol=1e-6, atol=1e-6)
    factors, error = nearest_kronecker(0 * ones, dims, dims, rank)
    assert error == 0
    assert not any(factor.any() for factor in factors)
