"""Factors once lay in a list module; files with those names are still read."""

import re

import pytest
import torch
from torch.nn.utils import parametrizations, prune

from qimlp import KroneckerLinear, QiMLP
from qimlp.nn import current_name
from tests.nn.layers import drawn

NAMES = {
    "factors.0": "factor_0",
    "layers.2.factors.11": "layers.2.factor_11",
    "layers.2.bias_factors.1.exp_avg": "layers.2.bias_factor_1.exp_avg",
    "factors.0_mask": "factor_0_mask",
    "layers.0.factors.parametrizations.1.original0": "layers.0.parametrizations.factor_1.original0",
    "layers.0.bias": "layers.0.bias",
    "my_factors.0": "my_factors.0",
    "factors.0x": "factors.0x",
    "factors.weight": "factors.weight",
}


def older(state):
    """The state under the names that it once had."""

    def renamed(name):
        name = re.sub(
            r"parametrizations\.(bias_)?factor_(\d)", r"\1factors.parametrizations.\2", name
        )
        return re.sub(r"(?<![a-z_])(bias_)?factor_(\d)", r"\1factors.\2", name)

    return {renamed(name): value for name, value in state.items()}


@pytest.mark.parametrize(("name", "now"), NAMES.items())
def test_names(name, now):
    assert current_name(name) == now
    assert current_name(now) == now


def plain(layer):
    return layer


def pruned(layer):
    return prune.l1_unstructured(layer, "factor_0", 0.5)


def normed(layer):
    return parametrizations.weight_norm(layer, "factor_1")


@pytest.mark.parametrize("change", [plain, pruned, normed])
@pytest.mark.parametrize("bias", ["kronecker", "dense", False])
def test_a_state_dict_with_older_names(bias, change):
    layer, other = (change(drawn(KroneckerLinear(12, 10, bias, rank=2))) for _ in "ab")
    state = older(layer.state_dict())
    assert state.keys() != layer.state_dict().keys()
    kept = dict(state)
    other.load_state_dict(state)
    assert state.keys() == kept.keys()  # the user's own stays as it was
    x = torch.randn(3, 12)
    assert torch.equal(other(x), layer(x))


def test_what_is_missing_is_still_told():
    net = QiMLP([(3, 4), (4, 3), (2, 5)])
    state = older(net.state_dict())
    del state["layers.2.factors.1"]
    with pytest.raises(RuntimeError, match=r"Missing key.*layers\.2\.factor_1"):
        net.load_state_dict(state)
    state["layers.2.factors.7"] = torch.zeros(1)
    with pytest.raises(RuntimeError, match=r"Unexpected key.*layers\.2\.factor_7"):
        net.load_state_dict(state)


def test_a_network_of_layers_with_older_names():
    net, other = (QiMLP([(3, 4), (4, 3), (2, 5)], rank=2) for _ in "ab")
    other.load_state_dict(older(net.state_dict()))
    x = torch.randn(3, 12)
    assert torch.equal(other(x), net(x))
