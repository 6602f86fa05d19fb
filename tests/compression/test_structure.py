"""A compressed model on disk and back."""

import json
import pickle

import pytest
import torch
from torch import nn
from transformers import GPT2Config, GPT2LMHeadModel

from qimlp.compression import load_compressed, restore_, save_compressed
from qimlp.compression.config import CompressionConfig
from qimlp.compression.replacement import replacement
from qimlp.compression.swap import swap_
from qimlp.compression.targets import find_targets
from qimlp.functional import nearest_kronecker, nearest_kronecker_bias


def compressed(model, rank=1, *, kronecker_bias=False, skip=()):
    """The model with all that can be replaced replaced."""
    layers = {}
    for target in find_targets(model, CompressionConfig(ratio=2, skip=skip))[0]:
        dims = (2, target.in_features // 2), (target.out_features, 1)
        factors, _ = nearest_kronecker(target.weight, *dims, rank)
        bias = target.bias
        if kronecker_bias and bias is not None:
            bias = nearest_kronecker_bias(bias, dims[1])
        layers[target.name] = replacement(target, factors, bias)
    swap_(model, layers)
    return model


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.shared = nn.Linear(4, 4)
        self.layers = nn.Sequential(self.shared, nn.ReLU(), self.shared, nn.BatchNorm1d(4))
        self.images = nn.Conv2d(2, 4, 3, bias=False)
        self.table = nn.Embedding(6, 4)
        self.head = nn.Linear(4, 6, bias=False)
        self.head.weight = self.table.weight

    def forward(self, x):
        return self.head(self.layers(self.images(x).mean(dim=(-2, -1))))


@pytest.fixture
def saved(tmp_path):
    model = compressed(Small()).eval()
    save_compressed(model, tmp_path / "small")
    return model, tmp_path / "small"


def same(one, other):
    states = one.state_dict(), other.state_dict()
    assert states[0].keys() == states[1].keys()
    return all(torch.equal(states[0][key], states[1][key]) for key in states[0])


def test_round_trip(saved):
    model, folder = saved
    assert {path.name for path in folder.iterdir()} == {"structure.json", "model.safetensors"}
    again = load_compressed(Small, folder)
    assert same(model, again)
    x = torch.randn(3, 2, 5, 5)
    assert torch.equal(again.eval()(x), model(x))
    assert again.layers[0] is again.layers[2] is again.shared
    assert again.head.weight is again.table.weight
    assert restore_(again) == ["shared", "images"]
    torch.testing.assert_close(again(x), model(x))
    assert again.state_dict().keys() == Small().state_dict().keys()


def test_what_is_shared_is_stored_once(saved):
    model, folder = saved
    structure = json.loads((folder / "structure.json").read_text())
    assert structure["tied"]["head.weight"] == "table.weight"
    assert structure["tied"]["layers.0.factor_0"] == "shared.factor_0"
    numbers = sum(p.numel() for p in model.parameters()) + 9  # those of the batch norm
    assert (folder / "model.safetensors").stat().st_size < 4 * numbers + 3000


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_dtypes_are_kept(dtype, tmp_path):
    model = compressed(Small().to(dtype))
    model.layers[3].float()  # one layer of another
    again = load_compressed(Small, save_compressed(model, tmp_path))
    assert same(model, again)
    assert again.layers[0].factor_0.dtype == dtype
    assert again.layers[3].weight.dtype == torch.float32
    assert again.head.weight is again.table.weight


def test_a_kronecker_bias_comes_back(tmp_path):
    model = compressed(nn.Sequential(nn.Linear(4, 6)), kronecker_bias=True)
    again = load_compressed(
        lambda: nn.Sequential(nn.Linear(4, 6)), save_compressed(model, tmp_path)
    )
    assert again[0].bias_form == "kronecker"
    assert same(model, again)


def test_a_language_model_whose_head_is_tied(tmp_path):
    config = GPT2Config(vocab_size=40, n_positions=8, n_embd=8, n_layer=2, n_head=2)

    def make():
        return GPT2LMHeadModel(config).eval()

    model = compressed(make(), rank=2)
    again = load_compressed(make, save_compressed(model, tmp_path))
    tokens = torch.arange(6)[None]
    assert torch.equal(again(tokens).logits, model(tokens).logits)
    assert again.lm_head.weight is again.transformer.wte.weight
    assert not torch.equal(make()(tokens).logits, model(tokens).logits)


def test_what_is_saved_again_replaces_it(saved):
    model, folder = saved
    with torch.no_grad():
        model.shared.factor_0.zero_()
    save_compressed(model, folder)
    assert not load_compressed(Small, folder).shared.factor_0.any()
    assert len(list(folder.iterdir())) == 2


class Untied(Small):
    def __init__(self):
        super().__init__()
        self.head.weight = nn.Parameter(torch.randn(6, 4))


def test_a_factory_may_keep_apart_what_was_tied_but_not_tie_what_was_apart(saved, tmp_path):
    model, folder = saved
    assert same(load_compressed(Untied, folder), model)
    save_compressed(compressed(Untied(), skip="head"), tmp_path)
    with pytest.raises(ValueError, match="table.weight and head.weight are one tensor in the mod"):
        load_compressed(Small, tmp_path)


def damage(folder, **changes):
    path = folder / "structure.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def layers_with(folder, **changes):
    layers = json.loads((folder / "structure.json").read_text())["layers"]
    damage(folder, layers=layers | {"shared": layers["shared"] | changes})


def cut(folder):
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-20])


def flip(folder):
    weights = folder / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-3] ^= 1
    weights.write_bytes(content)


def exchange(folder):
    other = folder.parent / "other"
    save_compressed(compressed(Small()), other)
    (other / "model.safetensors").replace(folder / "model.safetensors")


DAMAGES = {
    "truncated": (cut, "not a whole safetensors file"),
    "flipped": (flip, "damaged"),
    "pickled": (
        lambda f: (f / "model.safetensors").write_bytes(pickle.dumps({"a": 1}) * 50),
        "not a whole safetensors file",
    ),
    "exchanged": (exchange, "not the weights that structure.json beside it was written with"),
    "no weights": (lambda f: (f / "model.safetensors").unlink(), "network's weights"),
    "no structure": (lambda f: (f / "structure.json").unlink(), "structure of a compressed"),
    "no JSON": (lambda f: (f / "structure.json").write_bytes(b"\x80\x04"), "structure.json"),
    "foreign": (
        lambda f: (f / "structure.json").write_text('{"model_type": "bert"}'),
        "expected the structure of a compressed model with format 'qimlp-compressed-1'",
    ),
    "newer": (lambda f: damage(f, format="qimlp-compressed-2"), "format 'qimlp-compressed-1'"),
    "no layers": (lambda f: damage(f, layers={}), "layers: expected descriptions"),
    "layers": (lambda f: damage(f, layers={"shared": 3}), "layers: 'shared': expected bias"),
    "tied": (lambda f: damage(f, tied=["a"]), "tied: expected names by name"),
    "tied to nothing": (lambda f: damage(f, tied={"head.weight": "no"}), "were one tensor"),
    "rank": (lambda f: layers_with(f, rank=2**40), r"factor_0: expected shape \(1099511627776"),
    "rank text": (lambda f: layers_with(f, rank="2"), "layers: 'shared': rank: expected an int"),
    "dims": (lambda f: layers_with(f, in_dims=[2, 3]), "'shared': expected dims that multiply"),
    "form": (lambda f: layers_with(f, form="exec"), "form: expected low_rank or kronecker"),
    "bias": (lambda f: layers_with(f, bias=None), "were one tensor, which they cannot be"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damaged_and_foreign_folders(saved, name):
    _, folder = saved
    do, message = DAMAGES[name]
    do(folder)
    model = Small()
    before = dict(model.named_modules()), {k: v.clone() for k, v in model.state_dict().items()}
    with pytest.raises((ValueError, OSError), match=message) as caught:
        load_compressed(lambda: model, folder)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500
    assert dict(model.named_modules()) == before[0]
    assert all(torch.equal(before[1][key], value) for key, value in model.state_dict().items())


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        ("Small", "model_factory: expected a function, got 'Small'"),
        (lambda: 3, "model_factory: expected it to make an nn.Module, got 3"),
        (lambda: Small().to("meta"), "model_factory: expected a model with values, got shared"),
        (lambda: nn.Sequential(nn.Linear(4, 4)), "'shared': expected a dense layer .* no such"),
    ],
)
def test_factories_that_make_another_model(saved, factory, message):
    with pytest.raises((TypeError, ValueError), match=message):
        load_compressed(factory, saved[1])


def test_what_cannot_be_saved(tmp_path):
    with pytest.raises(ValueError, match="model: expected one with replaced layers"):
        save_compressed(Small(), tmp_path / "none")
    model = compressed(nn.Sequential(nn.Linear(4, 4)))
    model.register_buffer("turns", torch.zeros(2, dtype=torch.complex64))
    with pytest.raises(ValueError, match="model: turns: expected real numbers to save"):
        save_compressed(model, tmp_path / "none")
    assert not (tmp_path / "none").exists()
