"""`FlopCounterMode` on the compiled operators."""

from itertools import pairwise

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from qimlp import KroneckerLinear, KroneckerShape, QiMLP
from qimlp.ops import native
from qimlp.ops.flops import kernel_flops

needs_kernel = pytest.mark.skipif(not native.available(), reason=native.reason())


def counted(call):
    with FlopCounterMode(display=False) as counter:
        call()
    return counter.get_total_flops()


@needs_kernel
@pytest.mark.parametrize("rank", [1, 3])
def test_a_layer_counts_as_its_shape_says(rank):
    layer = KroneckerLinear(784, 560, in_dims=(28, 28), out_dims=(20, 28), rank=rank)
    x = torch.randn(50, 784, requires_grad=True)
    assert "fused" in str(layer.explain(50))
    once = 2 * KroneckerShape((28, 28), (20, 28), rank).multiply_adds(50)
    assert counted(lambda: layer(x)) == once
    assert counted(lambda: layer(x).sum().backward()) == 3 * once
    x.requires_grad_(False)
    assert counted(lambda: layer(x).sum().backward()) == 2 * once


@needs_kernel
def test_a_network_counts_its_layers():
    dims = [(28, 28), (28, 28), (2, 5)]
    network, x = QiMLP(dims), torch.randn(50, 784)
    wanted = sum(2 * KroneckerShape(ins, outs, 1).multiply_adds(50) for ins, outs in pairwise(dims))
    with torch.no_grad():
        assert counted(lambda: network(x)) == wanted


def test_merged_factors_count_as_they_are_used():
    factors = [(1, 4, 4), (1, 4, 4), (1, 8, 8)]
    apart, merged = (kernel_flops((10, 128), factors, (), groups) for groups in ((1, 1, 1), (2, 1)))
    assert apart == 2 * KroneckerShape((4, 4, 8), (4, 4, 8), 1).multiply_adds(10)
    assert merged == 2 * KroneckerShape((16, 8), (16, 8), 1).multiply_adds(10)
