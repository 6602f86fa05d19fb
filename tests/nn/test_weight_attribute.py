"""`weight` and `bias` as modules read them that expect an `nn.Linear`."""

import copy
import pickle
from unittest.mock import patch

import pytest
import torch
from torch import nn

from qimlp import KroneckerLinear
from tests.nn.layers import drawn

every_bias = pytest.mark.parametrize("bias", ["kronecker", "dense", False])


@every_bias
def test_they_are_computed_and_learn(bias):
    layer = drawn(KroneckerLinear(12, 10, bias, rank=2))
    x = torch.randn(3, 12)
    torch.testing.assert_close(nn.functional.linear(x, layer.weight, layer.bias), layer(x))
    layer.weight.sum().backward()
    assert all(factor.grad.any() for factor in layer.factors)
    with torch.no_grad():
        layer.factor_0.zero_()
    assert not layer.weight.any()
    for other in (torch.zeros(10, 12), nn.Parameter(torch.zeros(10, 12))):
        with pytest.raises(AttributeError, match="weight: it is computed from the factors"):
            layer.weight = other
    assert "weight" not in layer.state_dict()


@every_bias
def test_the_projection_of_an_attention(bias):
    ours = nn.MultiheadAttention(12, 3, batch_first=True)
    dense = copy.deepcopy(ours)
    ours.out_proj = drawn(KroneckerLinear(12, 12, bias, rank=2))
    dense.out_proj = ours.out_proj.to_linear()
    x = torch.randn(2, 4, 12)
    for training in (True, False):
        ours.train(training), dense.train(training)
        with torch.set_grad_enabled(training):
            torch.testing.assert_close(ours(x, x, x)[0], dense(x, x, x)[0])
    ours.train()(x, x, x)[0].sum().backward()
    assert all(factor.grad is not None for factor in ours.out_proj.factors)


@pytest.mark.parametrize("bias", ["kronecker", "dense"])
def test_a_transformer_layer_takes_its_fast_path_in_eval(bias):
    ours = nn.TransformerEncoderLayer(12, 2, 24, dropout=0.0, batch_first=True)
    dense = copy.deepcopy(ours)
    for name, widths in {"linear1": (12, 24), "linear2": (24, 12)}.items():
        setattr(ours, name, drawn(KroneckerLinear(*widths, bias, rank=2)))
        setattr(dense, name, getattr(ours, name).to_linear())
    x = torch.randn(2, 4, 12)
    torch.testing.assert_close(ours(x), dense(x))
    fast = torch._transformer_encoder_layer_fwd
    ours.eval(), dense.eval()
    with torch.no_grad(), patch("torch._transformer_encoder_layer_fwd", side_effect=fast) as called:
        torch.testing.assert_close(ours(x), dense(x))
    assert called.call_count == 2


@every_bias
def test_copies_and_pickles_own_theirs(bias):
    layer, x = drawn(KroneckerLinear(12, 10, bias)), torch.randn(3, 12)
    want = layer(x)
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):  # noqa: S301 - own
        assert torch.equal(twin(x), want)
        assert {id(p) for p in twin.parameters()}.isdisjoint(map(id, layer.parameters()))


@every_bias
def test_a_bias_is_taken_away(bias):
    layer, x = drawn(KroneckerLinear(12, 10, bias)), torch.randn(3, 12)
    if bias == "kronecker":
        with pytest.raises(TypeError, match="bias_factors: expected None .* got list"):
            layer.bias_factors = []
        layer.bias_factors = None
    else:
        layer.bias = None
    assert layer.bias is layer.bias_factors is None
    torch.testing.assert_close(layer(x), x @ layer.weight.T)
    assert [name for name, _ in layer.named_parameters()] == ["factor_0", "factor_1"]


def test_parameters_by_name_in_a_functional_call():
    layer, x = KroneckerLinear(12, 10), torch.randn(3, 12)
    doubled = {"factor_1": 2 * layer.factor_1}
    torch.testing.assert_close(torch.func.functional_call(layer, doubled, (x,)), 2 * layer(x))


@every_bias
def test_they_are_compiled_whole(bias):
    layer, x = drawn(KroneckerLinear(12, 10, bias, rank=2)), torch.randn(3, 12)

    def both(x):
        return layer(x), nn.functional.linear(x, layer.weight, layer.bias), layer.bias_vector()

    compiled = torch.compile(both, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(x), both(x))


@pytest.mark.parametrize("rank", [1, 2, 5])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_autocast_leaves_the_weight_as_it_is(rank, dtype):
    layer = KroneckerLinear(784, 784, rank=rank, dtype=dtype)
    want = layer.weight_matrix()
    with torch.autocast("cpu", torch.bfloat16):
        linear = layer.to_linear()
        assert torch.equal(layer.weight_matrix(), want)
        assert torch.equal(layer.weight, want)
    assert linear.weight.dtype == linear.bias.dtype == dtype
    assert torch.equal(linear.weight, want)
