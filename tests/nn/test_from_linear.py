"""A layer made of a dense one holds the sum that is nearest to it."""

from math import prod

import pytest
import torch
from torch import nn

from qimlp import KroneckerLinear
from qimlp.functional import kron_dense
from tests.problems import make_factors


@pytest.mark.parametrize(
    ("ins", "outs", "rank"),
    [
        ((3, 4), (5, 2), 3),
        ((1, 12), (10, 1), 4),
        ((2, 3, 4), (3, 2, 2), 3),
        ((2, 2, 1, 3), (5, 1, 2, 2), 2),
    ],
)
def test_a_sum_comes_back_to_rounding(ins, outs, rank):
    if len(ins) > 2:
        pytest.importorskip("tensorly")
    linear = nn.Linear(prod(ins), prod(outs), dtype=torch.float64)
    linear.weight.data = kron_dense(make_factors(ins, outs, rank))
    layer = KroneckerLinear.from_linear(linear, in_dims=ins, out_dims=outs, rank=rank)
    off = (layer.weight - linear.weight).norm() / linear.weight.norm()
    assert off < 1e-12
    assert torch.equal(layer.bias, linear.bias)


@pytest.mark.parametrize("largest", [1e-300, 1e300])
def test_numbers_near_the_limits_come_back(largest):
    ins, outs = (3, 4), (5, 2)
    linear = nn.Linear(12, 10, bias=False, dtype=torch.float64)
    linear.weight.data = kron_dense(make_factors(ins, outs, 2)) * largest
    layer = KroneckerLinear.from_linear(linear, in_dims=ins, out_dims=outs, rank=2)
    off = (layer.weight - linear.weight) / largest
    assert off.abs().max() < 1e-13


def test_few_terms_of_a_large_layer_are_the_leading_ones():
    generator = torch.Generator().manual_seed(0)
    left, right = (torch.randn(1024, 6, generator=generator) for _ in range(2))
    linear = nn.Linear(1024, 1024, bias=False)
    linear.weight.data = left @ right.t() / 64
    layer = KroneckerLinear.from_linear(linear, in_dims=(1, 1024), out_dims=(1024, 1), rank=6)
    assert layer.factors[0].dtype == torch.float32
    assert (layer.weight - linear.weight).norm() < 1e-6 * linear.weight.norm()
