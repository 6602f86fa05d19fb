import copy
import random

import pytest
import torch
from torch import nn

from qimlp.nn import KroneckerAdapter
from tests.nn.adapters import DENSE, dense_twin_of, inputs, trained
from tests.tolerances import assert_close

DTYPES = [torch.float64, torch.float32, torch.bfloat16, torch.float16]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("form", ["sum", "two pairs"])
@pytest.mark.parametrize("base", DENSE)
def test_merged_is_the_base_alone_and_unmerging_is_exact(base, form, dtype):
    layer, x = trained(base, form, dtype), inputs(base, dtype=dtype)
    own, bits, before = layer.base.weight, layer.base.weight.clone(), layer(x)
    wide = dense_twin_of(copy.deepcopy(layer).double())
    layer.merge()
    assert layer.merged
    assert torch.equal(layer(x), layer.base(x))
    assert_close(layer.base.weight, wide.weight)
    assert torch.equal(layer.weight, layer.base.weight)
    layer.unmerge()
    assert not layer.merged
    assert layer.base.weight is own
    assert torch.equal(own, bits)
    assert torch.equal(layer(x), before)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_narrow_weight_is_rounded_once(dtype):
    layer = trained("linear", "two pairs", dtype)
    wide = copy.deepcopy(layer).double()
    error = (layer.merge().base.weight.double() - wide.merge().base.weight).abs()
    step = torch.finfo(dtype).eps * wide.base.weight.abs()
    if dtype in (torch.bfloat16, torch.float16):
        assert bool((error <= 0.51 * step + 1e-6).all())
    else:
        assert bool((error <= 10 * step.clamp_min(torch.finfo(dtype).eps)).all())


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_thousand_random_merges_do_not_drift(dtype):
    layer, x = trained("linear", "sum", dtype), inputs(dtype=dtype)
    own, before, draw = layer.base.weight.clone(), layer(x), random.Random(0)  # noqa: S311 - no secret
    merged_output = copy.deepcopy(layer).merge()(x)
    merged = False
    for _ in range(1000):
        merged = draw.random() < 0.5
        layer = layer.merge() if merged else layer.unmerge()
        assert layer.merged == merged
        if draw.random() < 0.05:
            layer.double().to(dtype)
        if draw.random() < 0.05:
            layer = copy.deepcopy(layer)
        if draw.random() < 0.05:
            layer.load_state_dict(layer.state_dict())
    assert torch.equal(layer.merge()(x), merged_output)
    assert torch.equal(layer.unmerge().base.weight, own)
    assert torch.equal(layer(x), before)


def test_other_factors_may_be_merged_next():
    layer, x = trained(), inputs()
    for _ in range(20):
        with torch.no_grad():
            layer.factor_0.normal_()
        expected = layer(x)
        assert_close(layer.merge()(x), expected)
        layer.unmerge()


def test_saving_while_merged_is_no_trap():
    layer, x = trained("linear", "pair"), inputs()
    expected, state = layer(x), {name: t.clone() for name, t in layer.state_dict().items()}
    model = nn.Sequential(layer.merge())
    saved = model.state_dict()
    assert list(saved) == [f"0.{name}" for name in state]
    for name, tensor in state.items():
        assert torch.equal(saved[f"0.{name}"], tensor)
    assert not any(tensor.requires_grad for tensor in saved.values())
    assert isinstance(model.state_dict(keep_vars=True)["0.base.weight"], nn.Parameter)
    fresh = nn.Sequential(trained("linear", "pair"))
    fresh.load_state_dict(saved)
    assert torch.equal(fresh(x), expected)


@pytest.mark.parametrize("assign", [False, True])
def test_loading_while_merged_merges_what_was_loaded(assign):
    other, x = trained(), inputs()
    expected, expected_merged = other(x), copy.deepcopy(other).merge()(x)
    model = nn.Sequential(trained().merge())
    state = {f"0.{name}": tensor.clone() for name, tensor in other.state_dict().items()}
    model.load_state_dict(state, assign=assign)
    assert model[0].merged
    assert torch.equal(model(x), expected_merged)
    model[0].unmerge()
    assert torch.equal(model[0].base.weight, other.base.weight)
    assert torch.equal(model(x), expected)


def test_what_shares_the_weight_is_not_touched():
    embedding, head = nn.Embedding(36, 48), nn.Linear(48, 36, bias=False)
    head.weight = embedding.weight
    layer = KroneckerAdapter(head)
    with torch.no_grad():
        layer.factor_0.normal_()
    rows = embedding.weight.clone()
    layer.merge()
    assert torch.equal(embedding.weight, rows)
    assert not torch.equal(layer.base.weight, rows)
    assert layer.unmerge().base.weight is embedding.weight


def test_what_cannot_be_merged():
    with pytest.raises(ValueError, match="merge: expected a base with a weight of its own, got a "):
        trained("kronecker").merge()
    normed = nn.utils.parametrizations.weight_norm(nn.Linear(48, 36))
    with pytest.raises(ValueError, match="ParametrizedLinear, whose weight is computed from other"):
        KroneckerAdapter(normed).merge()
    with pytest.raises(ValueError, match="merge: expected a base with its weight in memory, got"):
        KroneckerAdapter(nn.Linear(48, 36, device="meta")).merge()
