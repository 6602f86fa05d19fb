"""A layer and its GELU in one call: the same values, and two calls wherever anything looks."""

import pytest
import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook

from qimlp import KroneckerLinear, QiMLP
from qimlp.ops import native
from tests.ops.native_here import kernel  # noqa: F401

DIMS = [(3, 4), (4, 3), (2, 5), (2, 2)]


def network(activation="gelu"):
    torch.manual_seed(0)
    return QiMLP(DIMS, rank=2, activation=activation).double()


def values(net, x, forward):
    leaves = [x, *net.parameters()]
    y = forward(x)
    return [y, *torch.autograd.grad(y.square().sum(), leaves)]


@pytest.fixture
def calls(monkeypatch):
    """Whether GELU was within each call of the kernel."""
    found = []
    linear = native.linear_now

    def recording(*arguments, gelu=False):
        found.append(gelu)
        return linear(*arguments, gelu=gelu)

    monkeypatch.setattr(native, "linear_now", recording)
    return found


@pytest.mark.usefixtures("kernel")
def test_one_call_is_what_two_are(calls):
    net, x = network(), torch.randn(6, 12, dtype=torch.float64, requires_grad=True)
    got = values(net, x, net)
    assert calls == [True, True, False]
    expected = values(net, x, net.layers)
    assert calls[3:] == [False] * 3
    for one, two in zip(got, expected, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-12, atol=1e-12)
    with torch.no_grad():
        torch.testing.assert_close(net(x), expected[0], rtol=1e-12, atol=1e-12)


def forward_hook(net, seen):
    net.layers[0].register_forward_hook(lambda *_: seen.append(1))


def activation_hook(net, seen):
    net.layers[1].register_forward_hook(lambda *_: seen.append(1))


def pre_hook(net, seen):
    net.layers[1].register_forward_pre_hook(lambda *_: seen.append(1))


def backward_hook(net, seen):
    net.layers[0].register_full_backward_hook(lambda *_: seen.append(1))


def replaced_forward(net, seen):
    inner = net.layers[0].forward

    def forward(x):
        seen.append(1)
        return inner(x)

    net.layers[0].forward = forward


def subclass(net, seen):
    class Gelu(nn.GELU):
        def forward(self, x):
            seen.append(1)
            return super().forward(x)

    net.layers[1] = Gelu()


@pytest.mark.parametrize(
    "look",
    [forward_hook, activation_hook, pre_hook, backward_hook, replaced_forward, subclass],
)
@pytest.mark.usefixtures("kernel")
def test_what_looks_between_the_two_sees_them(look, calls):
    net, x = network(), torch.randn(6, 12, dtype=torch.float64, requires_grad=True)
    expected, seen = values(net, x, net), []
    calls.clear()
    look(net, seen)
    for got, true in zip(values(net, x, net), expected, strict=True):
        torch.testing.assert_close(got, true, rtol=1e-12, atol=1e-12)
    assert seen == [1]
    assert calls == [False, True, False]


def test_a_hook_on_every_module_and_one_on_the_whole_see_all():
    net, x, seen = network(), torch.randn(2, 12, dtype=torch.float64), []
    handle = register_module_forward_hook(lambda module, *_: seen.append(type(module)))
    try:
        net(x)
    finally:
        handle.remove()
    pair = [KroneckerLinear, nn.GELU]
    assert seen == [*pair, *pair, KroneckerLinear, nn.Sequential, QiMLP]
    net.layers.register_forward_hook(lambda *_: torch.zeros(1))
    assert torch.equal(net(x), torch.zeros(1))


def test_other_activations_stay_two_calls():
    net, x = network("tanh"), torch.randn(2, 12, dtype=torch.float64)
    assert torch.equal(net(x), net.layers(x))
    net = network()
    net.layers[1] = nn.GELU(approximate="tanh")
    torch.testing.assert_close(net(x), net.layers[2:](net.layers[1](net.layers[0](x))))


@pytest.mark.parametrize("shape", [(2, 3, 12), (12,)])
def test_any_leading_axes(shape):
    net, x = network(), torch.randn(shape, dtype=torch.float64)
    torch.testing.assert_close(net(x), net.layers(x))


def test_autocast_casts_and_takes_gelu_along(calls):
    net, x = network().float(), torch.randn(2, 12)
    with torch.autocast("cpu", torch.bfloat16):
        y = net(x)
        assert calls == [True, True, False]
        step_by_step = net.layers(x)
    assert y.dtype == step_by_step.dtype == torch.bfloat16
    torch.testing.assert_close(y, step_by_step, rtol=0.02, atol=0.01)
    for got, true in zip(
        torch.autograd.grad(y.float().sum(), [*net.parameters()]),
        torch.autograd.grad(net(x).sum(), [*net.parameters()]),
        strict=True,
    ):
        assert got.dtype == torch.float32
        torch.testing.assert_close(got, true, rtol=0.05, atol=0.05)
