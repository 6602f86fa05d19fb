"""Layers take their input by name, as the torch layers do whose place they take."""

import pytest
import torch
from torch import nn

from qimlp import KroneckerLinear
from qimlp.nn import KroneckerAdapter, KroneckerConv2d
from tests.nn.adapters import draw_all

VECTORS, IMAGES = (5, 12), (2, 12, 4, 6)
LAYERS = {
    "linear": (lambda: KroneckerLinear(12, 10, rank=2), VECTORS),
    "conv2d": (lambda: KroneckerConv2d(12, 6, 3, padding=1), IMAGES),
    "adapter": (lambda: KroneckerAdapter(nn.Linear(12, 10)), VECTORS),
    "merged adapter": (lambda: KroneckerAdapter(nn.Linear(12, 10)).merge(), VECTORS),
    "adapted convolution": (lambda: KroneckerAdapter(nn.Conv2d(12, 6, 3)), IMAGES),
    "adapted kronecker": (lambda: KroneckerAdapter(KroneckerLinear(12, 10)), VECTORS),
}


@pytest.fixture(params=LAYERS)
def layer_and_input(request):
    make, shape = LAYERS[request.param]
    return draw_all(make()).double(), torch.randn(shape, dtype=torch.float64)


@pytest.mark.parametrize("name", ["x", "input"])
def test_by_name_it_answers_the_same(layer_and_input, name):
    layer, x = layer_and_input
    assert torch.equal(layer(**{name: x}), layer(x))


def test_no_input_is_refused(layer_and_input):
    layer, _ = layer_and_input
    with pytest.raises(TypeError, match=f"^{type(layer).__name__}: expected an input, got none"):
        layer()


def test_hooks_see_it_by_name():
    layer, seen = KroneckerLinear(12, 10), []
    layer.register_forward_pre_hook(lambda _, __, named: seen.append(named), with_kwargs=True)
    x = torch.randn(VECTORS)
    layer(input=x)
    assert seen[0]["input"] is x


def test_it_is_exported_by_name():
    layer, x = KroneckerLinear(12, 10), torch.randn(VECTORS)
    exported = torch.export.export(layer, (), {"input": x}).module()
    torch.testing.assert_close(exported(input=x), layer(x))
