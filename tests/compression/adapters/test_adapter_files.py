import json
import pickle

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from qimlp.compression import (
    AdapterConfig,
    adapter_parameters,
    add_adapters_,
    load_adapters_,
    load_lokr_,
    merge_adapters_,
    save_adapters,
)
from tests.compression.adapters.lokr_models import images, lycoris_file, make_net, unchanged

CONFIG, WEIGHTS = "adapters.json", "adapters.safetensors"


@pytest.fixture
def saved(tmp_path):
    net = make_net()
    add_adapters_(net, AdapterConfig(rank=2, alpha=3))
    with torch.no_grad():
        for parameter in adapter_parameters(net):
            parameter.normal_(std=0.3)
    return net, save_adapters(net, tmp_path / "adapters")


def test_round_trip(saved):
    net, folder = saved
    assert {each.name for each in folder.iterdir()} == {CONFIG, WEIGHTS}
    again = make_net()
    assert load_adapters_(again, folder) == ["conv", "point", "encoder.0", "encoder.1", "head"]
    assert torch.equal(again(images()), net(images()))
    learning = {name for name, p in again.named_parameters() if p.requires_grad}
    assert learning == {name for name, p in net.named_parameters() if p.requires_grad}
    assert not any("base" in key for key in load_file(folder / WEIGHTS))


def test_merged_adapters_are_saved_as_unmerged_ones(saved, tmp_path):
    net, folder = saved
    expected = net(images()).detach()
    save_adapters(merge_adapters_(net), tmp_path / "merged")
    assert (tmp_path / "merged" / CONFIG).read_bytes() == (folder / CONFIG).read_bytes()
    before, after = load_file(folder / WEIGHTS), load_file(tmp_path / "merged" / WEIGHTS)
    assert before.keys() == after.keys()
    assert all(torch.equal(before[key], after[key]) for key in before)
    again = make_net()
    load_adapters_(again, tmp_path / "merged")
    assert torch.equal(again(images()), expected)


def test_pairs_of_a_lokr_file(tmp_path):
    pytest.importorskip("lycoris")
    lycoris_file(tmp_path / "x.safetensors", alpha=3)
    net, again = make_net(), make_net()
    load_lokr_(net, tmp_path / "x.safetensors")
    load_adapters_(again, save_adapters(net, tmp_path / "adapters"))
    assert again.encoder[0].factor_ranks == (None, 2)
    assert torch.equal(again(images()), net(images()))


def test_only_earlier_adapters_are_replaced(saved, tmp_path):
    net, folder = saved
    with torch.no_grad():
        net.head.factor_0.zero_()
    save_adapters(net, folder)
    assert not load_file(folder / WEIGHTS)["head.factor_0"].any()
    (folder / "notes.txt").write_text("keep me")
    with pytest.raises(FileExistsError, match="holds other files, such as 'notes.txt'; choose"):
        save_adapters(net, folder)
    assert (folder / "notes.txt").read_text() == "keep me"
    with pytest.raises(FileExistsError, match="is a file: expected the name of a folder to write"):
        save_adapters(net, folder / "notes.txt")


def test_a_save_that_fails_leaves_the_earlier_one(saved, monkeypatch):
    net, folder = saved
    before = {each.name: each.read_bytes() for each in folder.iterdir()}

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("qimlp.compression.adapters.files.write_json", full)
    with pytest.raises(OSError, match="No space left"):
        save_adapters(net, folder)
    assert {each.name: each.read_bytes() for each in folder.iterdir()} == before
    assert [each.name for each in folder.parent.iterdir()] == ["adapters"]


def change(folder, key, value):
    config = json.loads((folder / CONFIG).read_text())
    config["layers"]["head"][key] = value
    (folder / CONFIG).write_text(json.dumps(config))


def truncate(folder):
    content = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(content[:-8])


def flip(folder):
    content = bytearray((folder / WEIGHTS).read_bytes())
    content[-3] ^= 1
    (folder / WEIGHTS).write_bytes(content)


def rewrite(folder, change_):
    tensors = load_file(folder / WEIGHTS)
    change_(tensors)
    save_file(tensors, folder / WEIGHTS)


DAMAGE = {
    "no weights": (lambda f: (f / WEIGHTS).unlink(), FileNotFoundError, "adapters.safetensors not"),
    "no config": (lambda f: (f / CONFIG).unlink(), FileNotFoundError, "adapters.json not found"),
    "truncated": (truncate, ValueError, "not a whole safetensors file"),
    "flipped": (flip, ValueError, "the weights are damaged"),
    "pickled": (
        lambda f: (f / WEIGHTS).write_bytes(pickle.dumps({"head.factor_0": [1.0]})),
        ValueError,
        "not a whole safetensors file",
    ),
    "no JSON": (lambda f: (f / CONFIG).write_text("{"), ValueError, "is not valid JSON at line 1"),
    "foreign": (lambda f: (f / CONFIG).write_text('{"r": 8}'), ValueError, 'expected "kind": "ada'),
    "a list": (
        lambda f: (f / CONFIG).write_text('{"kind": "adapters", "layers": [3]}'),
        ValueError,
        "layers: expected an object, got [3]",
    ),
    "no rank": (lambda f: change(f, "rank", 0), ValueError, "head: rank: expected an integer of"),
    "a huge rank": (lambda f: change(f, "rank", 10**15), ValueError, "head: factor_0: expected a"),
    "scale": (lambda f: change(f, "scale", "x"), ValueError, "head: scale: expected a finite num"),
    "dims": (lambda f: change(f, "in_dims", 3), ValueError, "head: in_dims: expected a sequence"),
    "ranks": (lambda f: change(f, "factor_ranks", [1]), ValueError, "head: factor_ranks: expected"),
    "unknown": (lambda f: change(f, "init", 1), ValueError, "head: expected factor_ranks, in_dims"),
    "more": (
        lambda f: rewrite(f, lambda t: t.update(extra=torch.ones(2))),
        ValueError,
        "expected the tensors of adapters.json, got also 'extra'",
    ),
    "infinite": (
        lambda f: rewrite(f, lambda t: t["head.factor_1"].fill_(float("inf"))),
        ValueError,
        "head.factor_1: expected finite numbers",
    ),
}


@pytest.mark.parametrize(("damage", "error", "message"), DAMAGE.values(), ids=DAMAGE)
def test_damaged_folders(saved, damage, error, message):
    _, folder = saved
    damage(folder)
    net = make_net()
    with pytest.raises(error) as caught:
        load_adapters_(net, folder)
    assert message in str(caught.value)
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert unchanged(net)


def test_another_model(saved):
    _, folder = saved
    net = make_net()
    net.head = nn.Linear(18, 7)
    with pytest.raises(ValueError, match=r"head: out_dims: expected sizes that multiply up to 7,"):
        load_adapters_(net, folder)
    assert all(parameter.requires_grad for parameter in net.parameters())
    net.head = nn.ReLU()
    with pytest.raises(ValueError, match=r"head: base: expected an nn.Linear, .* got ReLU"):
        load_adapters_(net, folder)
    del net.head
    with pytest.raises(ValueError, match=r"expected layers of the model, got 'head'; the file bel"):
        load_adapters_(net, folder)


def test_a_model_with_adapters_is_refused(saved):
    net, folder = saved
    with pytest.raises(ValueError, match="has adapters already"):
        load_adapters_(net, folder)
    with pytest.raises(ValueError, match="has adapters already"):
        load_lokr_(net, folder)
    with pytest.raises(ValueError, match="expected one with adapters, got none"):
        save_adapters(make_net(), folder)
