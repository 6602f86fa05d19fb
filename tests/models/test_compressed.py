"""Networks some of whose layers were replaced: described, saved, loaded, trained on."""

import json

import pytest
import torch
from torch import nn

from qimlp import MLP, Predictor, QiMLP
from qimlp.compression import find_targets
from qimlp.compression.config import CompressionConfig
from qimlp.compression.replacement import replacement
from qimlp.functional import nearest_kronecker
from qimlp.models import (
    CompressedNetwork,
    LayerSpec,
    TextNetwork,
    from_config,
    inner_network,
    layer_specs,
    load_pretrained,
    rebuild_,
)
from qimlp.nn import KroneckerLinear, swap_
from qimlp.predictor import count_parameters
from qimlp.training import fit
from qimlp.training.optim.build import build_optimizer
from tests.tiny_encoder import write_encoder

SPEC = LayerSpec("kronecker", (2, 3), (2, 4), 2, "dense")


def compressed(network, rank=1):
    """The network itself, with all that can be replaced replaced."""
    layers = {}
    for target in find_targets(network, CompressionConfig(ratio=2))[0]:
        dims = (1, target.in_features), (target.out_features, 1)
        factors, _ = nearest_kronecker(target.weight, *dims, rank)
        layers[target.name] = replacement(target, factors, target.bias)
    swap_(network, layers)
    return network


def test_a_spec_is_what_json_holds():
    stored = json.loads(json.dumps(SPEC.to_dict()))
    assert LayerSpec.from_dict(stored) == SPEC
    assert stored == {
        "form": "kronecker",
        "in_dims": [2, 3],
        "out_dims": [2, 4],
        "rank": 2,
        "bias": "dense",
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"form": "dense"}, "form: expected low_rank or kronecker, got 'dense'"),
        ({"bias": True}, "bias: expected dense, kronecker or none, got True"),
        ({"rank": 0}, "rank: expected an integer of at least 1, got 0"),
        ({"rank": True}, "rank: expected an integer"),
        ({"in_dims": [6]}, "as many in_dims as out_dims"),
        ({"in_dims": "23"}, "in_dims: expected a sequence of integers"),
        ({"more": 1}, "expected bias, form, in_dims, out_dims, rank, got"),
    ],
)
def test_unfit_specs(change, message):
    with pytest.raises((TypeError, ValueError), match=message):
        LayerSpec.from_dict(SPEC.to_dict() | change)


def test_layers_are_rebuilt_and_described():
    network = MLP([6, 8, 3])
    dense = network.layers[0]
    low_rank = LayerSpec("low_rank", (1, 8), (3, 1), 2, None)
    specs = {"layers.0": SPEC, "layers.2": low_rank}
    before = rebuild_(network, specs)
    assert before["layers.0"] is dense
    assert layer_specs(network) == specs
    assert network.layers[0].factor_0.shape == (2, 2, 2)
    assert network.layers[2].bias is None
    swap_(network, before)
    assert network.layers[0] is dense


@pytest.mark.parametrize(
    ("name", "spec", "message"),
    [
        ("layers.9", SPEC, "'layers.9': expected a dense layer in the model, got no such layer"),
        ("layers.1", SPEC, "'layers.1': expected a dense layer in the model, got a GELU"),
        ("layers.2", SPEC, "'layers.2': expected dims that multiply up to 8 inputs and 3 outputs"),
    ],
)
def test_all_or_none_is_rebuilt(name, spec, message):
    network = MLP([6, 8, 3])
    with pytest.raises(ValueError, match=message):
        rebuild_(network, {"layers.0": SPEC, name: spec})
    assert isinstance(network.layers[0], nn.Linear)


def test_round_trip(tmp_path):
    network = compressed(MLP([6, 8, 3]).double()).eval()
    wrapped = CompressedNetwork.of(network)
    assert wrapped.network is network
    x = torch.randn(5, 6, dtype=torch.float64)
    assert torch.equal(wrapped(x), network(x))
    assert (wrapped.in_features, wrapped.members) == (6, 1)
    wrapped.save_pretrained(tmp_path)
    again = load_pretrained(tmp_path).eval()
    assert isinstance(again, CompressedNetwork)
    assert isinstance(again.network, MLP)
    assert again.config == wrapped.config == from_config(wrapped.config).config
    assert torch.equal(again(x), network(x))
    assert [type(layer) for layer in again.network.layers][::2] == [KroneckerLinear] * 2
    assert CompressedNetwork.of(again).network is again.network
    assert CompressedNetwork.from_pretrained(tmp_path).config == again.config


def test_layers_of_the_network_itself_are_no_part_of_the_description():
    network = QiMLP([(2, 3), (2, 2)])
    with pytest.raises(ValueError, match="expected one with replaced layers, got none"):
        CompressedNetwork.of(network)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layers": [1]}, "config: layers: expected descriptions by name"),
        ({"layers": {"layers.0": {}}}, "config: layers: 'layers.0': expected bias, form"),
        ({"layers": {"a": SPEC.to_dict()}}, "config: 'a': expected a dense layer"),
        ({"network": {"kind": "compressed"}}, "got a compressed one"),
        ({"network": {"kind": "other"}}, "expected kind to be one of"),
        ({"network": 3}, "expected a network's config, got 3"),
    ],
)
def test_unfit_configs(change, message):
    config = CompressedNetwork.of(compressed(MLP([6, 8, 3]))).config
    with pytest.raises(ValueError, match=message) as caught:
        from_config(config | change)
    assert "\n" not in str(caught.value)


def test_a_rank_beyond_memory_is_refused(tmp_path):
    CompressedNetwork.of(compressed(MLP([6, 8, 3]))).save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["layers"]["layers.0"]["rank"] = 2**40
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match=r"factor_0: expected shape \(1099511627776, 8, 1\)"):
        load_pretrained(tmp_path)


def test_a_predictor_of_one_is_saved_and_loaded(settings, tiny, tmp_path):
    result = fit(settings(model="mlp", dims="16,16,3"), out=tmp_path / "runs")
    predictor = Predictor.load(result.folder, device="cpu")
    network = CompressedNetwork.of(compressed(predictor.network, rank=4))
    small = Predictor(**vars(predictor) | {"network": network})
    small.save(tmp_path / "small")
    again = Predictor.load(tmp_path / "small", device="cpu")
    assert isinstance(inner_network(again.network), MLP)
    x = torch.randn(7, 16)
    assert torch.equal(again.answers(x), small.answers(x))
    assert again.evaluate(str(tiny)).metrics == small.evaluate(str(tiny)).metrics
    assert count_parameters(again.network) < count_parameters(
        from_config(network.config["network"])
    )


@pytest.fixture(scope="module")
def text_network(tmp_path_factory):
    transformers = pytest.importorskip("transformers")
    folder = write_encoder(tmp_path_factory.mktemp("encoder"))
    encoder = transformers.AutoModel.from_pretrained(folder)
    network = TextNetwork.joined(encoder, MLP([16, 8, 2], dropout=0.0))
    return CompressedNetwork.of(compressed(network, rank=4))


def test_a_network_on_texts(text_network, settings, tmp_path):
    tokens = torch.tensor([[2.0, 5, 3, -1, -1], [2, 8, 5, 7, 3]])
    text_network.eval()
    text_network.save_pretrained(tmp_path)
    again = load_pretrained(tmp_path).eval()
    torch.testing.assert_close(again(tokens), text_network(tokens), rtol=0, atol=0)
    head = text_network.network.head
    assert count_parameters(text_network) == sum(p.numel() for p in head.parameters())
    optimizer = build_optimizer(text_network, settings(lr=0.01, encoder_lr=0.002).optimisation)
    rates = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    assert set(rates) == {id(parameter) for parameter in text_network.parameters()}
    encoder = text_network.network.encoder
    assert {rates[id(p)] for p in head.parameters()} == {0.01}
    assert {rates[id(p)] for p in encoder.parameters()} == {0.002}
