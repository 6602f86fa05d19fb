import copy
import re

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from qimlp.compression import (
    AdapterConfig,
    adapter_parameters,
    add_adapters_,
    load_adapters_,
    merge_adapters_,
    remove_adapters_,
    save_adapters,
    unmerge_adapters_,
)
from qimlp.nn import KroneckerAdapter, KroneckerLinear
from tests.compression.adapters.lokr_models import assert_near, images, make_net

ALL = ["conv", "point", "encoder.0", "encoder.1", "head"]


def adapted(**settings):
    net = make_net(torch.float64)
    add_adapters_(net, AdapterConfig(**settings))
    return net


def drawn_(net):
    with torch.no_grad():
        for parameter in adapter_parameters(net):
            parameter.normal_(std=0.3)
    return net


def x():
    return images(torch.float64)


def test_a_new_adapter_changes_nothing_but_what_learns():
    net, plain = make_net(), make_net()
    assert add_adapters_(net) == ALL
    assert torch.equal(net(images()), plain(images()))
    learning = {name for name, p in net.named_parameters() if p.requires_grad}
    assert learning == {f"{name}.factor_{i}" for name in ALL for i in range(2)}
    assert {id(p) for p in adapter_parameters(net)} == {
        id(p) for p in net.parameters() if p.requires_grad
    }


def test_training_changes_the_adapters_alone():
    net = adapted(rank=2, alpha=4)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    labels = torch.arange(6) % 5
    optimizer = torch.optim.Adam(adapter_parameters(net), lr=0.01)
    losses = []
    for _ in range(30):
        loss = F.cross_entropy(net(x()), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]
    for name, value in net.state_dict().items():
        assert torch.equal(value, before[name]) == ("factor_" not in name)
    trained = net(x()).detach()
    merge_adapters_(net)
    assert all(module.merged for module in net.modules() if isinstance(module, KroneckerAdapter))
    assert_near(net(x()), trained, 1e-14)
    unmerge_adapters_(net)
    assert torch.equal(net(x()), trained)


def test_the_scale_is_alpha_over_rank():
    net = drawn_(adapted(rank=2, alpha=3))
    layer = net.encoder[0]
    first, second = layer.factors
    expected = 1.5 * sum(torch.kron(first[c], second[c]) for c in range(2))
    rows = torch.randn(3, 12, dtype=torch.float64)
    assert_near(layer(rows), F.linear(rows, layer.base.weight + expected, layer.base.bias), 1e-14)


def test_removed_adapters_leave_the_plain_layers():
    net = drawn_(adapted())
    plain = make_net(torch.float64)
    merge_adapters_(net)
    assert remove_adapters_(net) is net
    assert [type(each) for each in net.modules()] == [type(each) for each in plain.modules()]
    assert net.state_dict().keys() == plain.state_dict().keys()
    assert torch.equal(net(x()), plain(x()))


def test_removed_adapters_may_stay_in_the_weights():
    net = drawn_(adapted())
    expected = net(x()).detach()
    remove_adapters_(net, merge=True)
    assert not any(isinstance(module, KroneckerAdapter) for module in net.modules())
    assert_near(net(x()), expected, 1e-14)


def test_a_filter_and_patterns_choose():
    net = make_net()
    config = AdapterConfig(skip=("encoder.*",))
    chosen = add_adapters_(net, config, lambda module, name: isinstance(module, nn.Linear))
    assert chosen == ["head"]
    assert isinstance(net.head, KroneckerAdapter)
    assert isinstance(net.encoder[0], nn.Linear)


def test_dims_and_number_of_factors():
    net = make_net()
    config = AdapterConfig(in_dims=(2, 3, 2), out_dims=(4, 2, 4), rank=1)
    assert add_adapters_(net, config, lambda _, name: name == "encoder.0") == ["encoder.0"]
    assert [tuple(factor.shape) for factor in net.encoder[0].factors] == [
        (1, 4, 2),
        (1, 2, 3),
        (1, 4, 2),
    ]
    net = make_net()
    add_adapters_(net, AdapterConfig(num_factors=3), lambda _, name: name == "encoder.0")
    assert net.encoder[0].num_factors == 3


def test_conv1d_of_transformers():
    conv1d = pytest.importorskip("transformers.pytorch_utils").Conv1D
    net = nn.Sequential(conv1d(12, 8)).double()
    rows = torch.randn(3, 8, dtype=torch.float64)
    assert add_adapters_(net) == ["0"]
    drawn_(net)
    base = net[0].base
    expected = rows @ (base.weight + net[0].delta().t()) + base.bias
    assert_near(net(rows), expected, 1e-14)
    assert_near(merge_adapters_(net)(rows), expected, 1e-14)


def test_what_cannot_have_one_is_left_alone_and_said():
    net = nn.Sequential(nn.Embedding(7, 4), nn.Linear(4, 6), nn.Linear(4, 7, bias=False))
    net[2].weight = net[0].weight
    with pytest.warns(
        UserWarning, match=r"no adapter on 2 \(Linear\): its weight is tied to 0.wei"
    ):
        assert add_adapters_(net) == ["1"]
    with pytest.warns(UserWarning, match=r"owner, an nn\.MultiheadAttention, reads its weight"):
        assert add_adapters_(nn.ModuleList([nn.MultiheadAttention(4, 2), nn.Linear(4, 4)])) == ["1"]


@pytest.mark.parametrize(
    ("factors", "most"), [({}, 256), ({"num_factors": 4}, 4096), ({"in_dims": (16, 8)}, 256)]
)
def test_the_highest_rank_makes_any_weight(factors, most):
    if "in_dims" in factors:
        factors = {**factors, "out_dims": (16, 32)}
    net = nn.Sequential(nn.Linear(128, 512))
    message = f"^rank: expected at most {most:,}, with which . factors make any weight of these "
    with pytest.raises(ValueError, match=message):
        add_adapters_(net, AdapterConfig(rank=most + 1, **factors))


def test_kronecker_layers_get_one_where_the_filter_names_them():
    def made():
        return nn.Sequential(nn.Linear(6, 6), KroneckerLinear(6, 4)).double()

    plain = made()
    with pytest.warns(UserWarning, match=r"on 1 \(KroneckerLinear\): it is a Kronecker layer alr"):
        assert add_adapters_(plain) == ["0"]
    net, rows = made(), torch.randn(3, 6, dtype=torch.float64)
    before = net(rows)
    assert add_adapters_(net, AdapterConfig(rank=2), lambda _, name: name == "1") == ["1"]
    assert torch.equal(net(rows), before)
    assert all(p.requires_grad == ("base" not in n) for n, p in net[1].named_parameters())
    drawn_(net)
    expected = net[1].base(net[0](rows)) + net[0](rows) @ net[1].delta().t()
    assert_near(net(rows), expected, 1e-14)
    with pytest.raises(ValueError, match="^1: merge: expected a base with a weight of its own"):
        merge_adapters_(net)
    remove_adapters_(net)
    assert torch.equal(net(rows), before)


def test_an_adapter_on_a_kronecker_layer_is_stored_alone(tmp_path):
    net, rows = nn.Sequential(KroneckerLinear(6, 4)).double(), torch.randn(3, 6).double()
    other = copy.deepcopy(net)
    add_adapters_(net, filter_fn=lambda *_: True)
    save_adapters(drawn_(net), tmp_path / "adapters")
    load_adapters_(other, tmp_path / "adapters")
    assert torch.equal(other(rows), net(rows))


def test_a_layer_in_two_places_has_one_adapter():
    layer = nn.Linear(4, 4)
    net = nn.Sequential(layer, nn.Linear(4, 4), layer)
    assert add_adapters_(net) == ["0", "1"]
    assert net[0] is net[2]
    assert isinstance(net[0], KroneckerAdapter)
    remove_adapters_(net)
    assert net[0] is layer
    assert net[2] is layer


@pytest.mark.parametrize(
    ("config", "filter_fn", "message"),
    [
        (AdapterConfig(skip=("decoder.*",)), None, "skip: 'decoder.*' matches no module"),
        (AdapterConfig(), lambda _, name: False, "filter_fn selects no layer"),
        (
            AdapterConfig(in_dims=(3, 4), out_dims=(4, 8)),
            None,
            "conv: in_dims: expected sizes that multiply up to 36, got (3, 4)",
        ),
        (AdapterConfig(rank=10**9), None, "rank: expected at most 64, with which 2 factors make"),
    ],
)
def test_a_model_that_is_refused_stays_as_it_was(config, filter_fn, message):
    net = make_net()
    net.head.weight.requires_grad_(False)
    before = copy.deepcopy(net)
    with pytest.raises(ValueError, match=re.escape(message)) as error:
        add_adapters_(net, config, filter_fn)
    assert "\n" not in str(error.value)
    assert [type(each) for each in net.modules()] == [type(each) for each in before.modules()]
    for new, old in zip(net.parameters(), before.parameters(), strict=True):
        assert torch.equal(new, old)
        assert new.requires_grad == old.requires_grad


def test_models_with_and_without_adapters_are_told_apart():
    net = adapted()
    with pytest.raises(ValueError, match=r"has adapters already, the first on conv; take them"):
        add_adapters_(net)
    for function in (merge_adapters_, unmerge_adapters_, remove_adapters_, adapter_parameters):
        with pytest.raises(ValueError, match="expected one with adapters, got none; add_adapters_"):
            function(make_net())
        with pytest.raises(TypeError, match=r"model: expected an nn.Module, got \[\]"):
            function([])


def test_merging_is_all_or_nothing():
    net = drawn_(adapted())
    weight = nn.Parameter(net.head.base.weight.detach().to("meta"), requires_grad=False)
    net.head.base.weight = weight
    with pytest.raises(ValueError, match=r"head: merge: .* meta device"):
        merge_adapters_(net)
    assert not any(m.merged for m in net.modules() if isinstance(m, KroneckerAdapter))


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"rank": 0}, ValueError, "rank: expected an integer of at least 1, got 0"),
        ({"rank": 2.0}, TypeError, "rank: expected an integer of at least 1, got 2.0"),
        ({"alpha": float("nan")}, ValueError, "alpha: expected a finite number, got nan"),
        ({"alpha": "2"}, TypeError, "alpha: expected a number, got '2'"),
        ({"num_factors": 1}, ValueError, "num_factors: expected an integer of at least 2, got 1"),
        ({"in_dims": (2, 2)}, ValueError, "expected both in_dims and out_dims, or neither"),
        ({"in_dims": 4, "out_dims": (2, 2)}, TypeError, "in_dims: expected a sequence"),
        ({"skip": 3}, TypeError, "skip: expected names of modules, got 3"),
        ({"on_unsupported": "no"}, ValueError, "on_unsupported: expected skip or raise, got 'no'"),
    ],
)
def test_bad_settings(settings, error, message):
    with pytest.raises(error) as caught:
        AdapterConfig(**settings)
    assert str(caught.value).startswith(message)


def test_a_config_is_needed():
    with pytest.raises(TypeError, match="config: expected an AdapterConfig, got 4"):
        add_adapters_(make_net(), 4)
