import copy

import pytest
import torch
from torch import nn

from qimlp import KroneckerLinear
from qimlp.nn import KroneckerAdapter
from tests.nn.adapters import (
    BASES,
    DENSE,
    FORMS,
    WAYS,
    adapter,
    dense_twin_of,
    force,
    inputs,
    learning,
    trained,
)
from tests.tolerances import assert_close


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("base", DENSE)
def test_output_and_gradients_are_those_of_the_dense_weight(base, form, way, monkeypatch):
    force(monkeypatch, way)
    layer, x = trained(base, form), inputs(base)
    twin = dense_twin_of(layer)
    y, expected = layer(x), twin(x)
    assert_close(y, expected)
    upstream = torch.randn_like(y)
    grad_x, grad_weight = torch.autograd.grad(expected, [x, twin.weight], upstream)
    by_factor = torch.autograd.grad(layer.weight, learning(layer), grad_weight)
    for found, true in zip(
        torch.autograd.grad(y, [x, *learning(layer)], upstream), [grad_x, *by_factor], strict=True
    ):
        assert_close(found / true.abs().max(), true / true.abs().max())


def test_a_kronecker_layer_is_a_base_too():
    layer, x = trained("kronecker", "sum"), inputs()
    expected = layer.base(x) + x @ layer.delta().T
    assert_close(layer(x), expected)
    assert_close(x @ layer.weight.T + layer.bias, expected)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("base", BASES)
def test_it_starts_as_the_base_to_the_bit_and_learns(base, form, dtype, way, monkeypatch):
    force(monkeypatch, way)
    layer = adapter(base, form, dtype)
    for rows in (1, 5, 300):
        x = inputs(base, rows, dtype)
        y = layer(x)
        assert torch.equal(y, layer.base(x))
    y.float().pow(2).sum().backward()
    zero = [name for name, p in layer.named_parameters(recurse=False) if not p.any()]
    assert zero == ["factor_0_a" if FORMS[form].get("factor_ranks", [None])[0] else "factor_0"]
    assert layer.get_parameter(zero[0]).grad.any()
    assert not any(p.requires_grad for p in layer.base.parameters())


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("base", DENSE)
def test_the_scale_counts_once(base, way, monkeypatch):
    force(monkeypatch, way)
    layer, x = trained(base), inputs(base)
    frozen, once = layer.base(x), layer(x)
    layer.scale = 3.0
    assert_close(layer(x) - frozen, 3 * (once - frozen))
    assert_close(layer.merge()(x) - frozen, 3 * (once - frozen))
    assert_close(layer.unmerge()(x) - frozen, 3 * (once - frozen))


def test_the_scale_follows_from_alpha():
    assert KroneckerAdapter(nn.Linear(4, 6), rank=2, alpha=3).scale == 1.5
    assert KroneckerAdapter(nn.Linear(4, 6), rank=2, scale=3).scale == 3.0
    assert KroneckerAdapter(nn.Linear(4, 6), rank=2).scale == 1.0


def test_names_sizes_and_counts():
    layer = adapter("linear", "pair")
    found = {name: tuple(p.shape) for name, p in layer.named_parameters()}
    assert found == {
        "factor_0": (1, 4, 6),
        "factor_1_a": (1, 9, 2),
        "factor_1_b": (1, 2, 8),
        "base.weight": (36, 48),
        "base.bias": (36,),
    }
    assert (layer.in_features, layer.out_features) == (48, 36)
    assert [tuple(factor.shape) for factor in layer.factors] == [(1, 4, 6), (1, 9, 8)]
    assert "48 (6x8), out_features=36 (4x9), rank=1, factor_ranks=(None, 2)" in repr(layer)
    assert "scale=0.3, parameters=58" in repr(layer)


@pytest.mark.parametrize("form", ["sum", "two pairs"])
def test_state_dict_deepcopy_mode_and_dtype(form):
    layer, other, x = trained(form=form), trained(form=form), inputs()
    other.load_state_dict(layer.state_dict())
    assert torch.equal(other(x), layer(x))
    twin = copy.deepcopy(layer)
    assert torch.equal(twin(x), layer(x))
    with torch.no_grad():
        next(twin.parameters()).zero_()
    assert not torch.equal(twin(x), layer(x))
    assert not twin.eval().base.training
    assert twin.float()(x.float()).dtype == torch.float32


def test_it_takes_mode_dtype_and_device_of_its_base():
    base = nn.Linear(48, 36, dtype=torch.bfloat16, device="meta").eval()
    layer = KroneckerAdapter(base)
    assert not layer.training
    assert all(p.dtype == torch.bfloat16 and p.is_meta for p in layer.parameters())


def test_drawn_by_a_generator():
    layer, other = adapter(form="two pairs"), adapter(form="two pairs")
    for each in (layer, other):
        each.reset_parameters(torch.Generator().manual_seed(3))
    assert torch.equal(layer.factors[1], other.factors[1])
    assert not layer.factors[0].any()


def test_what_is_refused():
    embedding = nn.Embedding(4, 4)
    with pytest.raises(TypeError, match="base: expected an nn.Linear, .* got Embedding"):
        KroneckerAdapter(embedding)
    with pytest.raises(TypeError, match="got KroneckerAdapter"):
        KroneckerAdapter(adapter())
    quantised = nn.Linear(4, 4)
    quantised.weight = nn.Parameter(torch.zeros(4, 4, dtype=torch.int8), requires_grad=False)
    with pytest.raises(TypeError, match=r"floating-point weight, got one stored as torch.int8"):
        KroneckerAdapter(quantised)
    for message, how in {
        "alpha or scale, or neither": {"alpha": 1, "scale": 2},
        "scale: expected a finite number, got inf": {"scale": float("inf")},
        "factor_ranks: expected 2 entries": {"factor_ranks": (1,)},
        r"factor_ranks\[1\]: expected an integer of at least 1": {"factor_ranks": (None, 0)},
        "in_dims: expected sizes that multiply up to 48": {"in_dims": (5, 5), "out_dims": (6, 6)},
        "init: expected one of normal, orthogonal": {"init": "zeros"},
    }.items():
        base = nn.Linear(48, 36)
        with pytest.raises(ValueError, match=message):
            KroneckerAdapter(base, **how)
        assert base.weight.requires_grad, "a base that was refused is left as it was"
    with pytest.raises(TypeError, match="alpha: expected a number, got '1'"):
        KroneckerAdapter(nn.Linear(48, 36), alpha="1")
    with pytest.raises(AttributeError, match="weight: it is computed"):
        adapter().weight = nn.Parameter(torch.zeros(36, 48))
    with pytest.warns(UserWarning, match=r"KroneckerAdapter\(48, 37\): output width 37 is prime"):
        KroneckerAdapter(nn.Linear(48, 37))


def test_a_kronecker_base_keeps_its_own_factors():
    base = KroneckerLinear(48, 36)
    KroneckerAdapter(base)
    assert not any(p.requires_grad for p in base.parameters())
