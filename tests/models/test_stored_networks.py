"""Networks on disk that were damaged, or made by somebody who means harm: one line each."""

import json
import random
import struct

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from qimlp import MLP, QiMLP
from qimlp.models import LowRankMLP, load_pretrained

NETWORKS = {
    "qimlp": lambda: QiMLP([(2, 3), (3, 2), (2, 2)], rank=2),
    "mlp": lambda: MLP([6, 5, 4]),
    "low-rank": lambda: LowRankMLP([6, 5, 4], rank=2),
}


@pytest.fixture(params=NETWORKS)
def folder(request, tmp_path):
    torch.manual_seed(0)
    return NETWORKS[request.param]().save_pretrained(tmp_path / "net")


def refusal(folder):
    """The one line in which the folder is refused, or None where it is loaded."""
    try:
        load_pretrained(folder)
    except (ValueError, OSError) as error:
        line = str(error)
        assert line.isprintable()
        assert len(line) < 600
        assert str(folder) in line
        for word in ("Traceback", "object is", "not supported", "argument", "NoneType", "Error("):
            assert word not in line, line
        return line
    return None


def test_every_flipped_bit_of_the_weights_is_found(folder):
    path = folder / "model.safetensors"
    content = path.read_bytes()
    header = struct.unpack("<Q", content[:8])[0] + 8
    chosen = random.Random(0)  # noqa: S311 - no secret
    for _ in range(100):
        damaged = bytearray(content)
        damaged[chosen.randrange(header, len(content))] ^= 1 << chosen.randrange(8)
        path.write_bytes(damaged)
        assert "the weights are damaged" in refusal(folder)
    path.write_bytes(content)
    assert refusal(folder) is None


def test_a_damaged_header_is_refused_or_says_the_same(folder):
    path = folder / "model.safetensors"
    content, want = path.read_bytes(), load_pretrained(folder).state_dict()
    header = struct.unpack("<Q", content[:8])[0] + 8
    chosen = random.Random(0)  # noqa: S311 - no secret
    for _ in range(200):
        damaged = bytearray(content)
        damaged[chosen.randrange(header)] = chosen.randrange(256)
        path.write_bytes(damaged)
        if refusal(folder) is None:
            got = load_pretrained(folder).state_dict()
            assert all(torch.equal(got[key], value) for key, value in want.items())


def test_weights_without_a_checksum_are_read(folder):
    path = folder / "model.safetensors"
    with safe_open(path, "pt") as file:
        assert len(file.metadata()["sha256"]) == 64
    want = load_file(path)
    for metadata in (None, {"format": "pt"}):
        save_file(want, path, metadata)
        got = load_pretrained(folder).state_dict()
        assert all(torch.equal(got[key], value) for key, value in want.items())


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(folder, value):
    network = load_pretrained(folder)
    first, parameter = next(iter(network.named_parameters()))
    with torch.no_grad():
        parameter.view(-1)[-1] = value
    network.save_pretrained(folder)
    assert f"{first}: expected finite numbers, got NaN or infinity" in refusal(folder)


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.complex64])
def test_weights_that_are_no_floats_are_refused(folder, dtype):
    path = folder / "model.safetensors"
    save_file({key: value.to(dtype) for key, value in load_file(path).items()}, path)
    assert f"got {dtype}" in refusal(folder)


VALUES = [
    *(None, True, -1, 0, 1.5, 10**30, 2**40, "", "x", "\x1b[31m", [], {}, [None], [[]], [[1, 2]]),
    *([10**12, 10**12], [[10**9, 2**30], [2, 2]], [[6, 1], ["2"]], {"a": 1}, [[[1]]], "y" * 10**6),
]


def test_every_value_of_a_config_is_refused_or_taken(folder):
    path = folder / "config.json"
    config = json.loads(path.read_text())
    taken = 0
    for key in config:
        for value in VALUES:
            path.write_text(json.dumps(config | {key: value}))
            taken += refusal(folder) is None
        path.write_text(json.dumps({k: v for k, v in config.items() if k != key}))
        taken += refusal(folder) is None
    assert taken < len(config) * len(VALUES) / 4
    for text in ('{"kind": "mlp", "widths": [1e400]}', "[]", "null", '{"kind": {}}', "[" * 10**5):
        path.write_text(text)
        assert refusal(folder) is not None


def test_a_config_for_more_memory_than_there_is(folder):
    sizes = {"qimlp": {"dims": [[10**6, 10**6]] * 2}}
    default = {"widths": [10**7, 10**7]}
    path = folder / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps(config | sizes.get(config["kind"], default)))
    assert "the weights are not those of the config" in refusal(folder)


def test_loading_draws_the_same_random_numbers_as_ever(folder):
    """The network is first laid out without memory: that must not move the generator."""
    torch.manual_seed(1)
    NETWORKS[json.loads((folder / "config.json").read_text())["kind"]]()
    want = torch.rand(1)
    torch.manual_seed(1)
    load_pretrained(folder)
    assert torch.equal(torch.rand(1), want)
