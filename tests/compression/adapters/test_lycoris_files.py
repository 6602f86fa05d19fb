import pytest
import torch

from qimlp.compression import load_lokr_, save_lokr
from tests.compression.adapters.lokr_models import (
    LAYERS,
    assert_near,
    distance,
    images,
    lycoris_file,
    make_net,
    tensors_of,
)

lycoris = pytest.importorskip("lycoris")

SETTINGS = {
    "whole": {"lora_dim": 64, "conv_lora_dim": 64, "alpha": 5},
    "whole by name": {"full_matrix": True, "alpha": 5},
    "factored": {"alpha": 3, "conv_alpha": 5},
    "of rank 1": {"lora_dim": 1, "conv_lora_dim": 1, "alpha": 2},
    "both decomposed": {"lora_dim": 1, "conv_lora_dim": 1, "alpha": 3, "decompose_both": True},
    "other dims": {"factor": 2, "alpha": 3},
    "unbalanced": {"unbalanced_factorization": True, "alpha": 3},
    "a scalar": {"use_scalar": True, "scalar": 0.7, "alpha": 3},
    "rank-stabilised": {"rs_lora": True, "alpha": 3, "kinds": ["Linear"]},
}
TUCKER = {"Tucker": {"use_tucker": True, "conv_lora_dim": 1, "conv_alpha": 3}}
every = {**SETTINGS, **TUCKER}
ALL = [*LAYERS, "head"]


@pytest.mark.parametrize("settings", every.values(), ids=every)
def test_outputs_are_those_of_lycoris(tmp_path, settings):
    path = tmp_path / "lokr.safetensors"
    expected = lycoris_file(path, **settings)
    net = make_net()
    plain = net(images())
    expected_names = ALL if "kinds" not in settings else ALL[2:]
    assert load_lokr_(net, path) == expected_names
    assert_near(net(images()), expected, 1e-6)
    assert distance(plain, expected) > 1e-2


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_a_file_comes_back_as_it_was(tmp_path, settings):
    theirs, ours = tmp_path / "theirs.safetensors", tmp_path / "ours.safetensors"
    expected = lycoris_file(theirs, **settings)
    net = make_net()
    load_lokr_(net, theirs)
    assert save_lokr(net, ours, format="lycoris") == ours
    before, after = tensors_of(theirs), tensors_of(ours)
    assert before.keys() == after.keys()
    for key in before:
        if key.endswith("alpha"):  # without a pair LyCORIS takes no notice of it
            paired = key.replace("alpha", "lokr_w2_a") in before
            assert not paired or torch.allclose(before[key], after[key], rtol=1e-6)
        else:
            assert torch.equal(before[key], after[key])
    again = make_net()
    load_lokr_(again, ours)
    assert_near(again(images()), expected, 1e-6)


@pytest.mark.parametrize("name", ["whole", "factored", "of rank 1"])
def test_lycoris_reads_what_is_written(tmp_path, name):
    theirs, ours = tmp_path / "theirs.safetensors", tmp_path / "ours.safetensors"
    expected = lycoris_file(theirs, **SETTINGS[name])
    net = make_net()
    load_lokr_(net, theirs)
    save_lokr(net, ours, format="lycoris")
    again = make_net()
    network, _ = lycoris.create_lycoris_from_weights(1.0, str(ours), again)
    network.apply_to()
    network.eval()
    assert_near(again(images()).detach(), expected, 1e-6)


def test_half_precision_is_taken_in_the_dtype_of_the_layers(tmp_path):
    path = tmp_path / "lokr.safetensors"
    lycoris_file(path, alpha=3)
    from safetensors.torch import load_file, save_file

    save_file({key: value.half() for key, value in load_file(path).items()}, path)
    net = make_net()
    load_lokr_(net, path)
    assert net.encoder[0].factors[0].dtype == torch.float32
    assert torch.equal(net.head.factors[0][0], load_file(path)["lycoris_head.lokr_w1"].float())
