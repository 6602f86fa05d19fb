from itertools import permutations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from qimlp.functional import kron_dense, nearest_kronecker, nearest_kronecker_order
from qimlp.functional.nearest_sums.nearest_order import MAX_INPUTS, _grouped
from tests.problems import make_factors
from tests.tolerances import assert_close

INS, OUTS = (4, 3), (2, 3)


@given(st.integers(1, 4), st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_the_error_is_of_the_ordered_weight_and_never_rises(rank, seed):
    weight = torch.randn(6, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    errors = []
    for rounds in range(5):
        order, factors, error = nearest_kronecker_order(weight, INS, OUTS, rank, rounds=rounds)
        assert sorted(order.tolist()) == list(range(12))
        actual = (weight[:, order] - kron_dense(factors)).norm() / weight.norm()
        assert_close(error, actual)
        errors.append(float(error))
    assert errors == sorted(errors, reverse=True)
    assert errors[0] <= float(nearest_kronecker(weight, INS, OUTS, rank)[1])


def test_no_other_assignment_to_the_sum_is_nearer():
    torch.manual_seed(0)
    weight = torch.randn(6, 4, dtype=torch.float64)
    order, factors, _ = nearest_kronecker_order(weight, (2, 2), (2, 3), 1, rounds=50)
    near = kron_dense(factors)
    own = (weight[:, order] - near).norm()
    assert all(own <= (weight[:, list(p)] - near).norm() + 1e-12 for p in permutations(range(4)))


def test_columns_that_were_exchanged_are_put_back():
    exact = kron_dense(make_factors((6, 5), (3, 4), 1))
    order = torch.arange(30)
    order[[3, 17]] = order[[17, 3]]
    weight = exact[:, order]
    assert nearest_kronecker(weight, (6, 5), (3, 4), 1)[1] > 0.1
    found, factors, error = nearest_kronecker_order(weight, (6, 5), (3, 4), 1)
    assert error < 1e-7
    assert_close(kron_dense(factors), weight[:, found])


def test_any_order_of_inputs_is_fitted_much_better_than_as_it_is():
    exact = kron_dense(make_factors((10, 6), (2, 5), 2))
    shuffled = exact[:, torch.randperm(60, generator=torch.Generator().manual_seed(1))]
    before = nearest_kronecker(shuffled, (10, 6), (2, 5), 2)[1]
    assert nearest_kronecker_order(shuffled, (10, 6), (2, 5), 2)[2] < 0.8 * before


def test_inputs_are_grouped_by_the_output_that_they_weigh_most_in():
    weight = torch.tensor([[1.0, 0, 5, 0, -9, 0], [0, 2, 1, 3, 0, -4]], dtype=torch.float64)
    assert _grouped(weight).tolist() == [2, 0, 3, 1, 4, 5]


def test_three_factors_and_low_precision():
    torch.manual_seed(0)
    weight = torch.randn(8, 8)
    order, factors, error = nearest_kronecker_order(weight, (2, 2, 2), (2, 2, 2), 1)
    assert [tuple(f.shape) for f in factors] == [(1, 2, 2)] * 3
    assert error <= nearest_kronecker(weight, (2, 2, 2), (2, 2, 2), 1)[1]
    assert order.dtype == torch.int64
    assert nearest_kronecker_order(weight.bfloat16(), (2, 4), (4, 2), 1)[1][0].dtype is (
        torch.bfloat16
    )


def test_a_perfect_order_stays():
    exact = kron_dense(make_factors(INS, OUTS, 1))
    order, _, error = nearest_kronecker_order(exact, INS, OUTS, 1)
    assert order.tolist() == list(range(12))
    assert error < 1e-7


def test_bad_input_is_one_line():
    weight = torch.zeros(6, 12)
    with pytest.raises(ValueError, match="rounds: expected 0 or more, got -1"):
        nearest_kronecker_order(weight, INS, OUTS, 1, rounds=-1)
    with pytest.raises(ValueError, match="expected values to order by"):
        nearest_kronecker_order(weight.to("meta"), INS, OUTS, 1)
    with pytest.raises(ValueError, match=r"weight: expected shape \(6, 10\)"):
        nearest_kronecker_order(weight, (5, 2), OUTS, 1)
    with pytest.raises(TypeError, match="expected a floating-point tensor, got list"):
        nearest_kronecker_order([[1.0, 2.0]], (2,), (1,), 1)
    wide = torch.zeros(1, MAX_INPUTS + 1)
    with pytest.raises(ValueError, match="expected at most 16,384 inputs"):
        nearest_kronecker_order(wide, (1, MAX_INPUTS + 1), (1, 1), 1)


def test_the_scale_of_a_weight_decides_nothing():
    weight = torch.randn(6, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    order, _, error = nearest_kronecker_order(weight, INS, OUTS, 1)
    for exponent in (-300, 500):
        scaled = torch.ldexp(weight, torch.tensor(exponent))
        found, _, other = nearest_kronecker_order(scaled, INS, OUTS, 1)
        assert torch.equal(found, order)
        torch.testing.assert_close(other, error)
