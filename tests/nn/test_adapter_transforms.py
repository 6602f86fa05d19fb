"""Adapters under everything that torch does to a module besides calling it."""

import pytest
import torch
from torch import nn
from torch.func import functional_call, grad, jvp, vmap

from qimlp import ops
from qimlp.nn import KroneckerAdapter
from qimlp.ops import adapted_linear
from tests.nn.adapters import DENSE, WAYS, dense_twin_of, force, inputs, learning, trained
from tests.tolerances import assert_close


def test_many_rows_take_one_product_and_few_do_not(monkeypatch):
    taken = []

    def recorded(*arguments, **how):
        taken.append(adapted_linear(*arguments, **how))
        return taken[-1]

    monkeypatch.setattr("qimlp.nn.adapter.adapted_linear", recorded)
    layer, many = KroneckerAdapter(nn.Linear(512, 512)), torch.randn(2000, 512)
    layer(many)
    layer(many[:4])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        layer(many)
    layer.bfloat16()(many.bfloat16())
    assert [y is not None for y in taken] == [True, False, False, False]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("form", ["sum", "two pairs", "three", "low rank", "one"])
@pytest.mark.parametrize("base", DENSE)
def test_first_and_second_derivatives(base, form, way, monkeypatch):
    force(monkeypatch, way)
    layer, x = trained(base, form), inputs(base, 2)

    def function(x, *_):
        return layer(x)

    given = (x, *learning(layer))
    assert torch.autograd.gradcheck(function, given, fast_mode=True)
    assert torch.autograd.gradgradcheck(function, given, fast_mode=True)


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("bias", [None, torch.randn(20, dtype=torch.float64)])
def test_gradients_by_torchs_own_products(bias, transposed):
    a, b = (
        torch.randn(2, *size, dtype=torch.float64).requires_grad_() for size in ((4, 3), (5, 6))
    )
    weight = torch.randn((18, 20) if transposed else (20, 18), dtype=torch.float64)
    x = torch.randn(7, 18, dtype=torch.float64, requires_grad=True)

    def function(x, a, b):
        return ops.methods.adapted.AdaptedLinear.apply(x, weight, bias, transposed, (), a, b)

    dense = (weight.t() if transposed else weight) + sum(map(torch.kron, a, b))
    assert_close(function(x, a, b), nn.functional.linear(x, dense, bias))
    assert torch.autograd.gradcheck(function, (x, a, b))
    assert torch.autograd.gradgradcheck(function, (x, a, b))


@pytest.mark.parametrize("way", WAYS)
def test_gradients_that_are_not_asked_for(way, monkeypatch):
    force(monkeypatch, way)
    layer, x = trained("linear", "sum"), inputs()
    whole = torch.autograd.grad(layer(x).sum(), [x, *learning(layer)])
    layer.factor_0.requires_grad_(False)
    some = torch.autograd.grad(layer(x).sum(), [x, layer.factor_1])
    assert_close(some[0], whole[0])
    assert_close(some[1], whole[2])
    layer(x.detach()).sum().backward()
    assert_close(layer.factor_1.grad, whole[2])
    assert layer.factor_0.grad is None
    layer.requires_grad_(False)
    assert_close(torch.autograd.grad(layer(x).sum(), x)[0], whole[0])
    layer.base.requires_grad_(True)
    (found,) = torch.autograd.grad(layer(x).sum(), layer.base.weight)
    assert_close(found, x.sum((0, 1)).detach().expand(36, 48))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("form", ["sum", "two pairs"])
@pytest.mark.parametrize("base", DENSE)
def test_transforms(base, form, way, monkeypatch):
    force(monkeypatch, way)
    layer, x = trained(base, form), inputs(base, 3).detach()
    params = {name: p.detach() for name, p in layer.named_parameters()}

    def loss(params, x):
        return functional_call(layer, params, (x,)).square().sum()

    layer(x).square().sum().backward()
    found = grad(loss)(params, x)
    for name, parameter in layer.named_parameters(recurse=False):
        assert_close(found[name], parameter.grad)
    tangents = {name: torch.randn_like(p) for name, p in params.items()}
    _, slope = jvp(lambda params: loss(params, x), (params,), (tangents,))
    gradients = grad(loss)(params, x)
    assert_close(slope, sum((gradients[name] * tangents[name]).sum() for name in params))
    each = vmap(grad(loss), in_dims=(None, 0))(params, x[:, None])
    assert_close(each["base.weight"].sum(0), found["base.weight"])
    batch = torch.stack([x, 2 * x])
    assert_close(vmap(layer)(batch), torch.stack([layer(x), layer(2 * x)]))


@pytest.mark.parametrize("way", WAYS)
def test_batched_gradients(way, monkeypatch):
    force(monkeypatch, way)
    layer, x = trained("linear", "sum"), inputs()
    y = layer(x)
    upstream = torch.randn(3, *y.shape, dtype=y.dtype)
    together = torch.autograd.grad(
        y, [x, *learning(layer)], upstream, is_grads_batched=True, retain_graph=True
    )
    for i, single in enumerate(upstream):
        for found, true in zip(
            together, torch.autograd.grad(y, [x, *learning(layer)], single, True), strict=True
        ):
            assert_close(found[i], true)


@pytest.mark.parametrize("merged", [False, True])
@pytest.mark.parametrize("form", ["sum", "two pairs"])
@pytest.mark.parametrize("base", DENSE)
def test_compiled(base, form, merged):
    layer, x = trained(base, form, torch.float32), inputs(base, 5, torch.float32)
    layer = layer.merge() if merged else layer
    torch.compiler.reset()
    compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
    y, expected = compiled(x), layer(x)
    assert_close(y, expected)
    wanted = [x] if merged else [x, *learning(layer)]
    for found, true in zip(
        torch.autograd.grad(y.sum(), wanted),
        torch.autograd.grad(expected.sum(), wanted),
        strict=True,
    ):
        assert_close(found, true)


@pytest.mark.parametrize("form", ["sum", "two pairs"])
def test_exported_and_traced(form):
    layer, x = trained("linear", form), inputs(rows=4).detach()
    assert_close(torch.export.export(layer, (x,)).module()(x), layer(x))
    traced = torch.fx.symbolic_trace(layer)
    assert traced.state_dict().keys() == layer.state_dict().keys()
    with torch.no_grad():
        next(layer.parameters()).mul_(2)
    assert_close(traced(x), layer(x))


@pytest.mark.parametrize("base", DENSE)
def test_autocast(base):
    layer, x = trained(base, "two pairs", torch.float32), inputs(base, 40, torch.float32)
    twin = dense_twin_of(layer)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y, expected = layer(x), twin(x)
        assert layer.delta().dtype == torch.float32
    assert y.dtype == torch.bfloat16
    assert (y - expected).norm() < 0.02 * expected.norm()


def test_an_owner_that_reads_the_weight():
    torch.manual_seed(0)
    attention = nn.MultiheadAttention(16, 2, batch_first=True).double()
    x = torch.randn(3, 5, 16, dtype=torch.float64)
    before = attention(x, x, x)[0]
    attention.out_proj = layer = KroneckerAdapter(attention.out_proj, rank=2)
    assert_close(attention(x, x, x)[0], before)
    with torch.no_grad():
        layer.factor_0.normal_()
    after = attention(x, x, x)[0]
    after.sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in learning(layer))
    assert not torch.allclose(after, before)
    layer.merge()
    assert_close(attention(x, x, x)[0], after)


def test_hooks_of_the_base_run():
    layer, seen = trained(), []
    handle = layer.base.register_forward_hook(lambda *call: seen.append(call[2].shape))
    x = inputs()
    y = layer(x)
    handle.remove()
    assert seen == [(6, 2, 36)]
    assert_close(layer(x), y)


def test_a_subclass_with_a_forward_of_its_own_is_called():
    class Doubled(nn.Linear):
        def forward(self, x):
            return 2 * super().forward(x)

    layer, x = KroneckerAdapter(Doubled(48, 36).double()), inputs()
    with torch.no_grad():
        layer.factor_0.normal_()
    assert_close(layer(x), layer.base(x) + x @ layer.delta().T)
