"""Exact sums of three and more factors, and numbers near the limits of their dtype."""

import math

import pytest
import torch

from qimlp.functional import kron_dense, nearest_kronecker
from qimlp.functional.nearest_sums.cp_newton import miss, polish
from qimlp.functional.nearest_sums.cp_starts import pencil_start, random_start, unit_start
from tests.problems import make_factors

pytest.importorskip("tensorly")


def _normal_factors(in_dims, out_dims, rank, seed):
    generator = torch.Generator().manual_seed(seed)
    return [
        torch.randn(rank, o, i, dtype=torch.float64, generator=generator)
        for o, i in zip(out_dims, in_dims, strict=True)
    ]


@pytest.mark.parametrize("rank", [1, 2, 3, 4])
@pytest.mark.parametrize(
    ("ins", "outs"),
    [
        ((2, 3, 4), (3, 2, 2)),
        ((2, 2, 2), (2, 2, 2)),
        ((4, 1, 3), (1, 3, 2)),
        ((2, 3, 2, 2), (3, 1, 2, 4)),
        ((2, 2, 2, 2), (1, 2, 2, 1)),
    ],
)
def test_a_sum_of_three_or_four_factors_is_recovered(ins, outs, rank):
    weight = kron_dense(_normal_factors(ins, outs, rank, seed=rank))
    factors, error = nearest_kronecker(weight, ins, outs, rank)
    assert error < 1e-10
    assert (weight - kron_dense(factors)).norm() < 1e-10 * weight.norm()


def test_random_sums_are_recovered():
    generator = torch.Generator().manual_seed(0)
    for seed in range(40):
        m = 3 + seed % 2
        ins, outs = torch.randint(1, 4, (2, m), generator=generator).tolist()
        rank = 1 + seed // 2 % 4
        weight = kron_dense(_normal_factors(ins, outs, rank, seed))
        assert nearest_kronecker(weight, ins, outs, rank)[1] < 1e-10, (ins, outs, rank)


def test_terms_that_are_not_needed_are_zero():
    ins, outs = (2, 3, 4), (3, 2, 2)
    weight = kron_dense(make_factors(ins, outs, 2))
    factors, error = nearest_kronecker(weight, ins, outs, 7)
    assert error < 1e-12
    assert all(not factor[2:].any() and factor[:2].any() for factor in factors)


def test_an_axis_of_one_entry_leaves_a_matrix_whose_answer_is_the_best():
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(10, 12, dtype=torch.float64, generator=generator)
    for rank in (1, 3):
        two = nearest_kronecker(weight, (3, 4), (5, 2), rank)[1]
        three = nearest_kronecker(weight, (3, 1, 4), (5, 1, 2), rank)[1]
        torch.testing.assert_close(two, three)
    one = nearest_kronecker(weight, (1, 12, 1), (1, 10, 1), 2)
    assert one[1] < 1e-15
    assert torch.equal(kron_dense(one[0]), weight) or one[1] == 0


def test_a_noisy_weight_is_met_no_worse_than_by_what_it_was_made_of():
    ins, outs = (2, 3, 4), (3, 2, 2)
    exact = kron_dense(make_factors(ins, outs, 3))
    generator = torch.Generator().manual_seed(0)
    noise = 0.05 * torch.randn(exact.shape, dtype=torch.float64, generator=generator)
    _, error = nearest_kronecker(exact + noise, ins, outs, 3)
    assert error < noise.norm() / (exact + noise).norm()


def test_a_sparse_weight_that_its_leading_directions_miss():
    """Each axis's leading vector alone says nothing of the others: their product is zero there."""
    cube = torch.zeros(3, 3, 3, 2, dtype=torch.float64)
    cube[0, 1, 2, 0] = cube[1, 2, 0, 1] = cube[2, 0, 1, 0] = 1.0
    weight = cube.permute(1, 2, 0, 3).reshape(9, 6)
    for rank in (1, 2, 3, 7):
        factors, error = nearest_kronecker(weight, (1, 1, 3, 2), (3, 3, 1, 1), rank)
        assert float(error) == pytest.approx(max(0.0, 1 - rank / 3) ** 0.5, abs=1e-9)
        off = float((weight - kron_dense(factors)).norm())
        assert off == pytest.approx(float(error) * 3**0.5, abs=1e-9)


def test_starts_are_what_they_say():
    generator = torch.Generator().manual_seed(0)
    tensor = torch.randn(2, 5, 3, dtype=torch.float64, generator=generator)
    assert miss(tensor, unit_start(tensor)) < 1e-15
    assert [tuple(f.shape) for f in unit_start(tensor)] == [(2, 6), (5, 6), (3, 6)]
    assert pencil_start(tensor, 4, generator) is None  # no two axes of four
    start = random_start(tensor, 4, generator)
    assert [tuple(f.shape) for f in start] == [(2, 4), (5, 4), (3, 4)]
    assert miss(tensor, polish(tensor, start, 100)) < miss(tensor, start)


def test_the_global_generator_is_left_alone():
    weight = torch.randn(8, 8, dtype=torch.float64)
    torch.manual_seed(3)
    first = nearest_kronecker(weight, (2, 2, 2), (2, 2, 2), 2)
    drawn = torch.rand(1)
    torch.manual_seed(3)
    assert torch.equal(drawn, torch.rand(1))
    again = nearest_kronecker(weight, (2, 2, 2), (2, 2, 2), 2)
    assert all(torch.equal(a, b) for a, b in zip(first[0], again[0], strict=True))


def _times_power(tensor, exponent):
    return tensor * 2.0 ** (exponent // 2) * 2.0 ** (exponent - exponent // 2)


@pytest.mark.parametrize("dims", [((12,), (10,)), ((3, 4), (5, 2)), ((3, 2, 2), (5, 2, 1))])
@pytest.mark.parametrize("exponent", [-1062, -996, 330, 1014])
def test_the_scale_of_a_weight_changes_nothing(dims, exponent):
    ins, outs = dims
    generator = torch.Generator().manual_seed(0)
    weight = torch.randint(-99, 99, (10, 12), generator=generator).double() / 64
    expected, error = nearest_kronecker(weight, ins, outs, 2)
    factors, other = nearest_kronecker(_times_power(weight, exponent), ins, outs, 2)
    torch.testing.assert_close(other, error)
    for factor, plain in zip(factors, expected, strict=True):
        torch.testing.assert_close(_times_power(factor, -exponent // len(ins)), plain)


@pytest.mark.parametrize(
    ("dtype", "largest"),
    [
        (torch.float32, 3e38),
        (torch.float32, 1e-38),
        (torch.float32, 1e-44),
        (torch.bfloat16, 3e38),
        (torch.bfloat16, 1e-38),
        (torch.float16, 6e4),
        (torch.float16, 6e-5),
        (torch.float64, 1.7e308),
        (torch.float64, 1e-300),
        (torch.float64, 5e-324),
    ],
)
@pytest.mark.parametrize("dims", [((3, 4), (5, 2)), ((3, 2, 2), (5, 1, 2))])
def test_numbers_near_the_limits(dims, dtype, largest):
    ins, outs = dims
    signs = torch.randint(0, 2, (10, 12), generator=torch.Generator().manual_seed(0)) * 2 - 1
    weight = signs.double().mul(largest).to(dtype)
    assert torch.isfinite(weight).all()
    assert weight.any()
    factors, error = nearest_kronecker(weight, ins, outs, 8)
    assert error.dtype == torch.float64
    assert all(f.dtype == dtype and torch.isfinite(f).all() for f in factors)
    size = float(weight.abs().max())
    half = 2.0 ** -(math.frexp(size)[1] // 2)
    first, *inner, last = (factor.double() for factor in factors)
    built = kron_dense([first * half, *inner, last * half])
    off = (built - weight.double() * half * half).norm() / (weight.double() * half * half).norm()
    assert off <= float(error) + 8 * torch.finfo(dtype).eps
    _, least = nearest_kronecker(signs.double(), ins, outs, 8)
    torch.testing.assert_close(error, least, rtol=1e-5, atol=1e-12)
