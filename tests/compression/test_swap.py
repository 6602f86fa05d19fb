"""Layers put in the place of others, and dense ones put back."""

import copy

import pytest
import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from qimlp.compression.config import CompressionConfig
from qimlp.compression.replacement import replacement
from qimlp.compression.swap import restore_, swap_
from qimlp.compression.targets import find_targets
from qimlp.functional import nearest_kronecker, nearest_kronecker_bias
from qimlp.nn import KroneckerConv2d, KroneckerLinear


class Block(nn.Module):
    """A layer of every kind, one of them twice."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 3, stride=2, padding=1, padding_mode="circular")
        self.first = nn.Linear(4, 4)
        self.again = nn.ModuleList([self.first, nn.ReLU()])
        self.turned = Conv1D(6, 4)
        self.last = nn.Linear(6, 4, bias=False)

    def forward(self, x):
        x = self.conv(x).mean(dim=(-2, -1))
        for layer in (self.first, *self.again, self.turned, self.last):
            x = layer(x)
        return x


def replaced(model, rank=99):
    """New layers for all targets of a model; at full rank they compute the same."""
    layers = {}
    for target in find_targets(model, CompressionConfig(ratio=2))[0]:
        dims = (2, target.in_features // 2), (2, target.out_features // 2)
        most = min(4, target.weight.numel() // 4)
        factors, _ = nearest_kronecker(target.weight, *dims, min(rank, most))
        layers[target.name] = replacement(target, factors, target.bias)
    return layers


def images(dtype=torch.float64):
    return torch.randn(3, 2, 6, 6, dtype=dtype)


def test_at_full_rank_the_model_stays_the_same():
    model, x = Block().double(), images()
    before = model(x)
    swap_(model, replaced(model))
    assert isinstance(model.first, KroneckerLinear)
    assert model.again[0] is model.first
    assert isinstance(model.turned, KroneckerLinear)
    assert isinstance(model.conv, KroneckerConv2d)
    torch.testing.assert_close(model(x), before)
    torch.testing.assert_close(copy.deepcopy(model)(x), before)


def test_restored_layers_are_dense_of_their_class_and_compute_the_same():
    model, x = Block().double(), images()
    swap_(model, replaced(model, rank=1))
    model.turned.requires_grad_(False)
    before = model.eval()(x)
    for one in (copy.deepcopy(model), model):
        assert restore_(one) == ["conv", "first", "turned", "last"]
        assert [type(layer) for layer in (one.conv, one.first, one.turned)] == [
            nn.Conv2d,
            nn.Linear,
            Conv1D,
        ]
        torch.testing.assert_close(one(x), before)
        assert one.again[0] is one.first
        assert one.last.bias is None
        assert one.conv.padding_mode == "circular"
        assert not one.turned.training
        assert not one.turned.weight.requires_grad
        assert one.first.weight.requires_grad
        assert one.state_dict().keys() == Block().state_dict().keys()
        assert restore_(one) == []


def test_layers_of_the_users_own_are_not_made_dense():
    model = nn.Sequential(KroneckerLinear(4, 4), nn.Linear(4, 4))
    swap_(model, replaced(model))
    assert restore_(model) == ["1"]
    assert isinstance(model[0], KroneckerLinear)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_a_replacement_is_as_its_target(dtype):
    model = Block().to(dtype).eval()
    model.first.weight.requires_grad_(False)
    model.turned.bias.requires_grad_(False)
    layers = replaced(model)
    for name, layer in layers.items():
        assert {parameter.dtype for parameter in layer.parameters()} == {dtype}, name
        assert not layer.training
    assert not any(factor.requires_grad for factor in layers["first"].factors)
    assert layers["first"].bias.requires_grad
    assert all(factor.requires_grad for factor in layers["turned"].factors)
    assert not layers["turned"].bias.requires_grad
    assert layers["last"].bias is None


def test_a_replacement_draws_nothing_and_shares_nothing():
    model = Block()
    (target, *_), _ = find_targets(model, CompressionConfig(ratio=2))
    factors, _ = nearest_kronecker(target.weight, (2, 9), (2, 2), 2)
    state = torch.get_rng_state()
    one = replacement(target, factors, target.bias)
    other = replacement(target, factors, target.bias)
    assert torch.equal(torch.get_rng_state(), state)
    used = [*factors, *target.module.parameters(), *one.parameters(), *other.parameters()]
    assert len({tensor.untyped_storage().data_ptr() for tensor in used}) == len(used)


def test_a_kronecker_bias():
    model = nn.Sequential(nn.Linear(4, 6, dtype=torch.float64))
    model[0].bias.requires_grad_(False)
    (target,), _ = find_targets(model, CompressionConfig(ratio=2))
    factors, _ = nearest_kronecker(target.weight, (2, 2), (2, 3), 4)
    bias = nearest_kronecker_bias(target.bias, (2, 3))
    layer = replacement(target, factors, bias)
    assert layer.bias_form == "kronecker"
    assert not any(vector.requires_grad for vector in layer.bias_factors)
    torch.testing.assert_close(layer.bias, torch.kron(*bias))
    swap_(model, {"0": layer})
    restore_(model)
    torch.testing.assert_close(model[0].bias.detach(), torch.kron(*bias))
    assert not model[0].bias.requires_grad


def test_factors_that_do_not_fit():
    (target,), _ = find_targets(nn.Sequential(nn.Linear(4, 6).half()), CompressionConfig(ratio=2))
    factors, _ = nearest_kronecker(target.weight.float(), (2, 2), (2, 3), 4)
    with pytest.raises(ValueError, match=r"^0: the fitted layer has numbers beyond float16"):
        replacement(target, [factors[0] * 1e9, factors[1]], target.bias)
    with pytest.raises(ValueError, match=r"0: expected a tensor of shape \(6,\), got \(5,\)"):
        replacement(target, factors, torch.zeros(5))


def test_hooks_and_their_handles_go_over():
    model, x = Block().double(), images()
    seen = []
    first = model.first
    handles = [
        first.register_forward_hook(lambda *_: seen.append("forward")),
        first.register_forward_hook(lambda *_, **__: seen.append("words"), with_kwargs=True),
        first.register_forward_pre_hook(lambda *_: seen.append("before")),
        first.register_full_backward_hook(lambda *_: seen.append("backward")),
        first.register_full_backward_pre_hook(lambda *_: seen.append("before backward")),
    ]
    once = ["before", "forward", "words"] * 2 + ["before backward", "backward"] * 2
    layers = replaced(model)
    swap_(model, layers)
    model(x.requires_grad_()).sum().backward()
    assert seen == once
    first(torch.randn(1, 4, dtype=torch.float64))
    assert seen == once  # the old layer has none
    seen.clear()
    assert "first" in restore_(model)
    model(x).sum().backward()
    assert seen == once
    seen.clear()
    for handle in handles:
        handle.remove()
    model(x).sum().backward()
    assert not seen


def test_swapping_back_leaves_everything_as_it_was():
    model, x = Block().double(), images()
    seen = []
    model.first.register_forward_hook(lambda *_: seen.append(1))
    before = dict(model.named_modules(remove_duplicate=False))
    expected = model(x)
    layers = replaced(model, rank=1)
    swap_(model, layers)
    swap_(model, {name: before[name] for name in layers})
    assert dict(model.named_modules(remove_duplicate=False)) == before
    torch.testing.assert_close(model(x), expected, rtol=0, atol=0)
    assert seen == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda layers: layers | {"none": nn.Linear(4, 4)}, "got 'none'"),
        (lambda layers: layers | {"": nn.Linear(4, 4)}, "wrap it: nn.Sequential"),
        (lambda layers: layers | {"again.0": nn.Linear(4, 4)}, "two for again.0"),
        (lambda layers: layers | {"last": layers["first"]}, "one for two"),
        (lambda layers: layers | {"last": torch.zeros(3)}, "'last': expected a module"),
    ],
)
def test_all_or_nothing(change, message):
    model = Block()
    before = dict(model.named_modules(remove_duplicate=False))
    with pytest.raises((TypeError, ValueError), match=message):
        swap_(model, change(replaced(model)))
    assert dict(model.named_modules(remove_duplicate=False)) == before


class Refusing(nn.Module):
    """Takes no other layer once it is made."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def add_module(self, name, module):
        raise OverflowError(name)


def test_an_owner_that_refuses_leaves_the_model_and_its_hooks():
    model = nn.Sequential(nn.Linear(4, 4), Refusing())
    seen = []
    model[0].register_forward_hook(lambda *_: seen.append(0))
    model[1].layer.register_forward_hook(lambda *_: seen.append(1))
    before = dict(model.named_modules())
    with pytest.raises(OverflowError, match="layer"):
        swap_(model, {"0": nn.Linear(4, 4), "1.layer": nn.Linear(4, 4)})
    assert dict(model.named_modules()) == before
    model[0](torch.zeros(4))
    model[1].layer(torch.zeros(4))
    assert seen == [0, 1]


def test_a_swapped_model_learns():
    model, x = Block(), images(torch.float32)
    model.again[1] = nn.GELU()  # every parameter has a gradient, whatever was drawn
    swap_(model, replaced(model, rank=1))
    before = copy.deepcopy(model.state_dict())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model(x).square().sum().backward()
    optimizer.step()
    assert all(not torch.equal(before[key], value) for key, value in model.state_dict().items())
