"""Adapters of random widths, dims, ranks and pairs against the dense weight in float64."""

import math

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from qimlp.nn import KroneckerAdapter
from tests.nn.adapters import dense_twin_of, draw_all
from tests.tolerances import assert_close


@st.composite
def adapters(draw):
    count = draw(st.integers(1, 3))
    sizes = st.lists(st.integers(1, 5), min_size=count, max_size=count)
    ins, outs = draw(sizes), draw(sizes)
    low = st.lists(st.none() | st.integers(1, 3), min_size=count, max_size=count)
    torch.manual_seed(draw(st.integers(0, 2**16)))
    base = nn.Linear(math.prod(ins), math.prod(outs), bias=draw(st.booleans())).double()
    return KroneckerAdapter(
        base,
        rank=draw(st.integers(1, 3)),
        scale=draw(st.floats(-3, 3)),
        in_dims=ins,
        out_dims=outs,
        factor_ranks=draw(low),
    )


@given(adapters(), st.integers(0, 40))
@settings(max_examples=80, deadline=None)
def test_it_starts_as_its_base_and_then_acts_by_the_sum(layer, rows):
    x = torch.randn(rows, layer.in_features, dtype=torch.float64, requires_grad=True)
    assert torch.equal(layer(x), layer.base(x))
    draw_all(layer)
    twin = dense_twin_of(layer)
    y, upstream = layer(x), torch.randn(rows, layer.out_features, dtype=torch.float64)
    assert_close(y, twin(x))
    (expected,) = torch.autograd.grad(twin(x), x, upstream)
    assert_close(torch.autograd.grad(y, x, upstream)[0], expected)


@given(adapters(), st.lists(st.booleans(), max_size=12))
@settings(max_examples=40, deadline=None)
def test_merging_and_unmerging_leaves_nothing_behind(layer, steps):
    draw_all(layer)
    x = torch.randn(3, layer.in_features, dtype=torch.float64)
    bits, before, state = layer.base.weight.clone(), layer(x), layer.state_dict()
    state = {name: tensor.clone() for name, tensor in state.items()}
    for merge in steps:
        layer = layer.merge() if merge else layer.unmerge()
        assert_close(layer(x), before)
        assert all(torch.equal(layer.state_dict()[name], tensor) for name, tensor in state.items())
    layer.unmerge()
    assert torch.equal(layer.base.weight, bits)
    assert torch.equal(layer(x), before)
