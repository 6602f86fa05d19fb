import pytest
import torch

from qimlp.bench.case import BOTH, FORWARD, TABLE, Case
from qimlp.bench.floor import Machine, Work, forward_flops, layer_work
from qimlp.shapes import KroneckerShape


def test_forward_work_of_a_small_layer_by_hand():
    case = Case(KroneckerShape((2, 3), (4, 5)), batch=10)
    # factor 0 first: 4*2 * 3 + 4 * 5*3 = 84; factor 1 first: 2 * 5*3 + 4*2 * 5 = 70
    work = layer_work(case, FORWARD, element_size=4)
    assert work.flops == 2 * 10 * 70
    assert work.bytes == 4 * (10 * 6 + (4 * 2 + 5 * 3) + 20 + 10 * 20)


def test_gradients_cost_the_same_twice_more_and_move_everything_once_more():
    for case in TABLE:
        forward, both = layer_work(case, FORWARD, 4), layer_work(case, BOTH, 4)
        assert (both.flops, both.bytes) == (3 * forward.flops, 2 * forward.bytes)


def test_the_dense_weight_counts_where_it_is_cheaper():
    shape = KroneckerShape((4, 4), (4, 4), rank=8)
    assert forward_flops(shape, batch=1000) == 2 * (1000 * 256 + 8 * 256)


def test_a_single_factor_needs_no_building():
    assert forward_flops(KroneckerShape((7,), (5,)), batch=3) == 2 * 3 * 35


@pytest.mark.parametrize(("flops", "expected"), [(10**9, 1.0), (10**6, 0.5)])
def test_the_floor_is_the_larger_of_the_two(monkeypatch, flops, expected):
    monkeypatch.setattr(Machine, "peak", 1e9)
    monkeypatch.setattr(Machine, "bandwidth", lambda self, moved: 2.0 * moved)
    machine = Machine(torch.device("cpu"), torch.float32)
    assert machine.floor(Work(flops, bytes=1000)).seconds == expected


def test_a_dtype_without_fast_products_is_held_against_float32(monkeypatch):
    rates = {torch.float16: 1e9, torch.float32: 5e9, torch.float64: 2e9}
    monkeypatch.setattr(Machine, "_product_rate", lambda self, dtype: rates[dtype])
    cpu = torch.device("cpu")
    assert Machine(cpu, torch.float16).peak == 5e9
    assert Machine(cpu, torch.float64).peak == 2e9


def test_the_best_peak_so_far_counts(monkeypatch):
    rates = iter((2e9, 5e9, 3e9))
    monkeypatch.setattr(Machine, "_product_rate", lambda self, dtype: next(rates))
    machine = Machine(torch.device("cpu"), torch.float32)
    assert [machine.peak for _ in range(3)] == [2e9, 5e9, 5e9]
