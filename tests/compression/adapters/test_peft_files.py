import json

import pytest
import torch

from qimlp.compression import load_lokr_, save_lokr
from qimlp.nn import KroneckerAdapter
from tests.compression.adapters.lokr_models import (
    LAYERS,
    assert_near,
    distance,
    images,
    make_net,
    peft_folder,
    tensors_of,
)

peft = pytest.importorskip("peft")

SETTINGS = {
    "whole": {"r": 64, "alpha": 16},
    "factored": {"r": 2, "alpha": 5},
    "of rank 1": {"r": 1, "alpha": 1},
    "both decomposed": {"r": 1, "alpha": 3, "decompose_both": True},
    "other dims": {"r": 2, "alpha": 5, "decompose_factor": 2},
    "patterns": {
        "r": 2,
        "alpha": 5,
        "rank_pattern": {"1": 3, r"^conv": 1},
        "alpha_pattern": {r"encoder\.[0-9]+": 7},
    },
    "Tucker": {"r": 2, "alpha": 5, "use_effective_conv2d": True, "decompose_factor": 2},
}
settings = pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)


@settings
def test_outputs_are_those_of_peft(tmp_path, settings):
    expected = peft_folder(tmp_path, **settings)
    net = make_net()
    plain = net(images())
    assert load_lokr_(net, tmp_path) == LAYERS
    assert_near(net(images()), expected, 1e-6)
    assert distance(plain, expected) > 1e-2


@settings
def test_outputs_are_those_of_peft_in_float64(tmp_path, settings):
    expected = peft_folder(tmp_path, torch.float64, **settings)
    net = make_net(torch.float64)
    load_lokr_(net, tmp_path)
    assert_near(net(images(torch.float64)), expected, 1e-13)


@pytest.mark.parametrize("name", [name for name in SETTINGS if name != "Tucker"])
def test_a_folder_comes_back_as_it_was(tmp_path, name):
    expected = peft_folder(tmp_path / "theirs", **SETTINGS[name])
    net = make_net()
    load_lokr_(net, tmp_path / "theirs")
    assert save_lokr(net, tmp_path / "ours") == tmp_path / "ours"
    theirs, ours = (
        tensors_of(tmp_path / w / "adapter_model.safetensors") for w in ("theirs", "ours")
    )
    assert theirs.keys() == ours.keys()
    assert all(torch.equal(theirs[key], ours[key]) for key in theirs)
    again = peft.PeftModel.from_pretrained(make_net(), tmp_path / "ours").eval()
    assert_near(again(images()), expected, 1e-6)


def test_a_rank_and_alpha_of_their_own_come_back(tmp_path):
    peft_folder(tmp_path / "theirs", **SETTINGS["patterns"])
    net = make_net()
    load_lokr_(net, tmp_path / "theirs")
    save_lokr(net, tmp_path / "ours")
    config = json.loads((tmp_path / "ours" / "adapter_config.json").read_text())
    assert (config["r"], config["alpha"]) == (2, 5)
    assert config["rank_pattern"] == {r"^encoder\.1": 3, "^conv": 1}
    assert config["alpha_pattern"] == {r"^encoder\.0": 7, r"^encoder\.1": 7}


def test_pairs_stay_apart(tmp_path):
    peft_folder(tmp_path, r=1, alpha=3, decompose_both=True)
    net = make_net()
    load_lokr_(net, tmp_path)
    layer = net.encoder[0]
    assert isinstance(layer, KroneckerAdapter)
    assert (layer.out_dims, layer.in_dims, layer.scale) == ((4, 8), (3, 4), 3.0)
    stored = tensors_of(tmp_path / "adapter_model.safetensors")
    for i in range(2):
        for end in "ab":
            mine = layer.get_parameter(f"factor_{i}_{end}")
            theirs = stored[f"base_model.model.encoder.0.lokr_w{i + 1}_{end}"]
            assert torch.equal(mine, theirs[None])


def test_merged_weights_are_those_of_peft(tmp_path):
    net = make_net(torch.float64)
    theirs = peft.get_peft_model(
        make_net(torch.float64),
        peft.LoKrConfig(r=2, alpha=5, target_modules=LAYERS, init_weights=False),
    )
    theirs.save_pretrained(tmp_path)
    load_lokr_(net, tmp_path)
    whole = theirs.merge_and_unload()
    for name in LAYERS:
        layer = net.get_submodule(name).merge()
        assert_near(layer.base.weight, whole.get_submodule(name).weight, 1e-14)
