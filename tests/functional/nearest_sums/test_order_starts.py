import pytest
import torch

from qimlp.functional import kron_dense, nearest_kronecker, nearest_kronecker_order
from qimlp.functional.nearest_sums.order_starts import grouped_orders

#: inputs, outputs, rank: below both outputs, below one, one output, few rows for the rank
FEASIBLE = [
    ((6, 5), (3, 4), 1),
    ((6, 5), (3, 4), 2),
    ((10, 6), (2, 5), 2),
    ((6, 10), (5, 2), 4),
    ((7, 4), (1, 6), 1),
    ((7, 4), (1, 6), 4),
    ((8, 5), (1, 5), 4),
    ((5, 8), (7, 1), 3),
    ((8, 8), (2, 5), 4),
]


def _shuffled(ins, outs, rank, seed=0):
    generator = torch.Generator().manual_seed(seed)
    factors = [
        torch.randn(rank, o, i, dtype=torch.float64, generator=generator)
        for o, i in zip(outs, ins, strict=True)
    ]
    exact = kron_dense(factors)
    return exact[:, torch.randperm(exact.shape[1], generator=generator)]


@pytest.mark.parametrize(("ins", "outs", "rank"), FEASIBLE)
def test_shuffled_inputs_of_a_sum_are_put_back(ins, outs, rank):
    for seed in range(3):
        weight = _shuffled(ins, outs, rank, seed)
        assert nearest_kronecker(weight, ins, outs, rank)[1] > 0.1
        order, factors, error = nearest_kronecker_order(weight, ins, outs, rank)
        assert error < 1e-10
        assert sorted(order.tolist()) == list(range(weight.shape[1]))
        assert (weight[:, order] - kron_dense(factors)).norm() < 1e-10 * weight.norm()


@pytest.mark.parametrize("rank", [1, 2])
def test_shuffled_inputs_of_three_factors_are_put_back(rank):
    pytest.importorskip("tensorly")
    ins, outs = (3, 4, 2), (3, 3, 3)
    weight = _shuffled(ins, outs, rank)
    assert nearest_kronecker_order(weight, ins, outs, rank, rounds=0)[2] < 1e-10


def test_single_precision_and_any_scale():
    weight = _shuffled((6, 5), (3, 4), 2)
    assert nearest_kronecker_order(weight.float(), (6, 5), (3, 4), 2)[2] < 1e-6
    for exponent in (-900, 900):
        scaled = torch.ldexp(weight, torch.tensor(exponent))
        assert nearest_kronecker_order(scaled, (6, 5), (3, 4), 2)[2] < 1e-10


def test_a_little_noise_is_all_that_is_left():
    weight = _shuffled((6, 5), (3, 4), 2)
    generator = torch.Generator().manual_seed(1)
    noise = torch.randn(weight.shape, dtype=torch.float64, generator=generator)
    noise *= 1e-3 * weight.norm() / noise.norm()
    assert nearest_kronecker_order(weight + noise, (6, 5), (3, 4), 2)[2] < 1e-3


def test_dead_inputs_take_their_places_among_the_rest():
    weight = _shuffled((6, 5), (3, 4), 2)
    weight[:, [2, 7]] = 0
    order, _, error = nearest_kronecker_order(weight, (6, 5), (3, 4), 2)
    assert sorted(order.tolist()) == list(range(30))
    assert error < nearest_kronecker(weight, (6, 5), (3, 4), 2)[1]
    zero = nearest_kronecker_order(torch.zeros(12, 30), (6, 5), (3, 4), 2)
    assert zero[2] == 0
    assert zero[0].tolist() == list(range(30))


@pytest.mark.parametrize(
    ("ins", "outs", "rank", "count"),
    [((6, 5), (3, 4), 2, 2), ((6, 5), (1, 4), 9, 1), ((6, 5), (1, 1), 1, 0), ((30,), (12,), 1, 1)],
)
def test_orders_are_permutations_and_leave_the_global_generator_alone(ins, outs, rank, count):
    weight = torch.randn(outs[0] * (outs[1] if len(outs) > 1 else 1), 30, dtype=torch.float64)
    torch.manual_seed(5)
    orders = list(grouped_orders(weight, ins, outs, rank))
    drawn = torch.rand(1)
    torch.manual_seed(5)
    assert torch.equal(drawn, torch.rand(1))
    assert len(orders) == count
    assert all(sorted(order.tolist()) == list(range(30)) for order in orders)
