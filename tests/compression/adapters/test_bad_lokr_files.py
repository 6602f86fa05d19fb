import json
import pickle
import re

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from qimlp.compression import AdapterConfig, add_adapters_, load_lokr_, save_lokr
from tests.compression.adapters.lokr_models import make_net, unchanged

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
PEFT, LYCORIS = "base_model.model.encoder.0", "lycoris_encoder_0"
WHOLE = {"lokr_w1": (4, 3), "lokr_w2": (8, 4)}
PAIR = {"lokr_w1": (4, 3), "lokr_w2_a": (8, 2), "lokr_w2_b": (2, 4)}


def tensors_of(layer, shapes):
    return {f"{layer}.{name}": torch.ones(shape) for name, shape in shapes.items()}


def peft(folder, tensors, **config):
    folder.mkdir()
    save_file(tensors, folder / WEIGHTS)
    (folder / CONFIG).write_text(json.dumps({"peft_type": "LOKR", "r": 2, "alpha": 4, **config}))
    return folder


def lycoris(folder, tensors):
    path = folder / "lokr.safetensors"
    save_file(tensors, path)
    return path


def refuse(path, message, error=ValueError):
    net = make_net()
    with pytest.raises(error) as caught:
        load_lokr_(net, path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500
    assert unchanged(net)


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ({"lokr_w1": (4, 3)}, "expected lokr_w2, or lokr_w2_a and lokr_w2_b, got none of them"),
        ({**WHOLE, "lokr_w2_a": (8, 2)}, "lokr_w2_a and lokr_w2_b, got lokr_w2, lokr_w2_a"),
        ({"lokr_w1": (4, 3), "lokr_w2_b": (2, 4)}, "or lokr_w2_a and lokr_w2_b, got lokr_w2_b"),
        ({**PAIR, "lokr_w2_b": (3, 4)}, "expected shapes (out, r) and (r, in), got (8, 2) and (3,"),
        ({**WHOLE, "lokr_w1": (12,)}, "lokr_w1: expected a matrix, got shape (12,)"),
        ({**WHOLE, "lokr_w2": (8, 0)}, "lokr_w2: expected a matrix, got shape (8, 0)"),
        ({**WHOLE, "lokr_w2": (8, 5)}, "in_dims: expected sizes that multiply up to 12, got (3, 5"),
        ({**PAIR, "lokr_t2": (2, 2)}, "expected lokr_t2 (r, r, kernel), lokr_w2_a (r, out) and lo"),
        ({**PAIR, "lokr_t2": (3, 2, 3, 3)}, "'lokr_t2': (3, 2, 3, 3)"),
        ({**WHOLE, "lokr_t2": (2, 2, 1, 1)}, "expected lokr_t2 (r, r, kernel), lokr_w2_a (r, out)"),
    ],
)
def test_tensors_that_make_no_layer(tmp_path, shapes, message):
    refuse(peft(tmp_path / "peft", tensors_of(PEFT, shapes)), message)
    alpha = {f"{LYCORIS}.alpha": torch.tensor(1.0)}
    refuse(lycoris(tmp_path, tensors_of(LYCORIS, shapes) | alpha), message)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"peft_type": "LORA"}, "peft_type: expected 'LOKR', got 'LORA'"),
        ({"peft_type": None}, "peft_type: expected 'LOKR', got None"),
        ({"r": 0}, "r: expected a whole number above 0, got 0"),
        ({"r": 2.0}, "r: expected a whole number above 0, got 2.0"),
        ({"r": True}, "r: expected a whole number above 0, got True"),
        (
            {"r": 3},
            "encoder.0: expected rank 3, as adapter_config.json says, got matrices of rank 2",
        ),
        ({"alpha": "4"}, "alpha: expected a number, got '4'"),
        ({"rank_pattern": [2]}, "rank_pattern: expected an object, got [2]"),
        (
            {"rank_pattern": {"(a+)+$": 2}},
            "rank_pattern: expected names, or patterns without groups",
        ),
        ({"alpha_pattern": {"a*a*a*b": 2}}, "and with at most 2 repetitions, got 'a*a*a*b'"),
        ({"alpha_pattern": {"x" * 201: 2}}, "alpha_pattern: expected names, or patterns without"),
        ({"alpha_pattern": {"[z-a]": 2}}, "alpha_pattern: expected names, or patterns without"),
        ({"rank_pattern": {"encoder.0": None}}, "r: expected a whole number above 0, got None"),
    ],
)
def test_configs_of_peft(tmp_path, config, message):
    refuse(peft(tmp_path / "peft", tensors_of(PEFT, PAIR), **config), message)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("base_model.model.head.weight", "other tensors (modules_to_save) are not supported"),
        ("base_model.model.head.lora_A.weight", "expected keys such as base_model.model.encoder.0"),
        ("base_model.model.tail.lokr_w1", "tail: expected lokr_w2, or lokr_w2_a"),
        (f"{LYCORIS}.lokr_w1", "got 'lycoris_encoder_0.lokr_w1'"),
    ],
)
def test_other_tensors_in_a_folder_of_peft(tmp_path, key, message):
    folder = peft(tmp_path / "peft", tensors_of(PEFT, PAIR) | {key: torch.ones(2, 2)})
    refuse(folder, message)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({}, "expected the layers of a LoKr file, got none"),
        (tensors_of(LYCORIS, PAIR), "lycoris_encoder_0: alpha: expected one number, got None"),
        ({f"{LYCORIS}.alpha": torch.ones(2)}, "expected lokr_w1, or lokr_w1_a and lokr_w1_b"),
        ({f"{LYCORIS}.scalar": torch.ones(())}, "expected keys such as lycoris_encoder_0.lokr_w1"),
        ({"lokr_w1": torch.ones(2, 2)}, "expected keys such as lycoris_encoder_0.lokr_w1"),
        ({f"{LYCORIS}.dora_scale": torch.ones(32, 1)}, "got weight decomposition (dora_scale), wh"),
        ({f"{LYCORIS}.lokr_w1": torch.ones(2, 2, dtype=torch.int32)}, "got torch.int32"),
        ({f"{LYCORIS}.lokr_w1": torch.full((2, 2), torch.nan)}, "got NaN or infinity"),
    ],
)
def test_tensors_of_lycoris(tmp_path, tensors, message):
    refuse(lycoris(tmp_path, tensors), message)


def test_names_of_lycoris(tmp_path):
    alpha = {"lycoris_tail.alpha": torch.tensor(1.0)}
    path = lycoris(tmp_path, tensors_of("lycoris_tail", PAIR) | alpha)
    refuse(path, "lycoris_tail: expected one layer of the model, which LyCORIS names with undersco")
    net = nn.ModuleDict({"a": nn.ModuleDict({"b": nn.Linear(12, 32)}), "a_b": nn.Linear(12, 32)})
    alpha = {"lycoris_a_b.alpha": torch.tensor(1.0)}
    path = lycoris(tmp_path, tensors_of("lycoris_a_b", PAIR) | alpha)
    with pytest.raises(ValueError, match="lycoris_a_b: expected one layer .* got 2 of that name"):
        load_lokr_(net, path)
    add_adapters_(net, AdapterConfig(rank=1))
    with pytest.raises(
        ValueError, match=r"LyCORIS has one name for a.b and a_b, lycoris_a_b; save"
    ):
        save_lokr(net, tmp_path / "new.safetensors", "lycoris")


class Attack:
    def __reduce__(self):
        return pytest.fail, ("it was unpickled",)


@pytest.mark.parametrize("ending", ["bin", "pt", "pth", "ckpt"])
def test_pickles_are_not_read(tmp_path, ending):
    path = tmp_path / f"lokr.{ending}"
    path.write_bytes(pickle.dumps(Attack()))
    refuse(path, "got a pickle, which is never read; convert it to safetensors")


def test_pickles_under_other_names_are_not_read(tmp_path):
    path = tmp_path / "lokr.safetensors"
    path.write_bytes(pickle.dumps(Attack()))
    refuse(path, f"{path}: not a whole safetensors file")
    folder = peft(tmp_path / "peft", tensors_of(PEFT, PAIR))
    (folder / WEIGHTS).rename(folder / "adapter_model.bin")
    refuse(folder, "adapter_model.bin is a pickle, which is never read; convert it to safetensors")


def test_truncated_and_missing_files(tmp_path):
    refuse(tmp_path / "none", "none not found: expected a LoKr file", FileNotFoundError)
    folder = peft(tmp_path / "peft", tensors_of(PEFT, PAIR))
    content = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(content[: len(content) // 2])
    refuse(folder, "not a whole safetensors file")
    (folder / WEIGHTS).unlink()
    refuse(folder, "adapter_model.safetensors not found", FileNotFoundError)
    (folder / CONFIG).write_text("[]")
    refuse(folder, "adapter_config.json: expected the config of a PEFT adapter, a JSON object")


def test_what_lokr_cannot_hold(tmp_path):
    net = make_net()
    add_adapters_(net, AdapterConfig(rank=2))
    message = "conv: LoKr holds one Kronecker product of two factors, got a sum of 2 products of 2"
    with pytest.raises(ValueError, match=message):
        save_lokr(net, tmp_path / "peft")
    net = make_net()
    add_adapters_(net, AdapterConfig(rank=1, alpha=2), lambda _, name: name == "head")
    with pytest.raises(ValueError, match=r'scales two whole matrices by 1, got scale 2; .*"peft"'):
        save_lokr(net, tmp_path / "x.safetensors", "lycoris")
    with pytest.raises(ValueError, match="format: expected peft or lycoris, got 'kohya'"):
        save_lokr(net, tmp_path, "kohya")
    with pytest.raises(ValueError, match=re.escape("a name that ends in .safetensors, got 'x.pt'")):
        save_lokr(net, "x.pt", "lycoris")
    net = make_net()
    config = AdapterConfig(rank=1, in_dims=(6, 2), out_dims=(2, 16))
    add_adapters_(net, config, lambda _, name: name == "encoder.0")
    with pytest.raises(ValueError, match="PEFT finds the dims of all layers from one number"):
        save_lokr(net, tmp_path / "peft")
    assert not list(tmp_path.iterdir())


def test_a_folder_with_other_files_is_not_replaced(tmp_path):
    net = make_net()
    add_adapters_(net, AdapterConfig(rank=1, in_dims=(3, 4), out_dims=(4, 8)), _first)
    (tmp_path / "notes.txt").touch()
    with pytest.raises(FileExistsError, match="holds other files, such as 'notes.txt'"):
        save_lokr(net, tmp_path)
    save_lokr(net, tmp_path / "new")
    with torch.no_grad():
        net.encoder[0].factor_0.fill_(3.0)
    save_lokr(net, tmp_path / "new")
    assert bool((load_file(tmp_path / "new" / WEIGHTS)[f"{PEFT}.lokr_w1"] == 3).all())


def _first(_, name):
    return name == "encoder.0"
