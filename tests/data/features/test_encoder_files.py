"""Encoders whose folder is hostile, damaged or not there."""

import json
import urllib.request
from pathlib import Path

import pytest
import safetensors.torch
import torch

from qimlp.data.features.encoder import Encoder
from qimlp.data.features.encoder_files import load_encoder
from tests.tiny_encoder import write_encoder

transformers = pytest.importorskip("transformers")


@pytest.fixture
def folder(tmp_path) -> Path:
    path = tmp_path / "encoder"
    path.mkdir()
    return write_encoder(path)


def change(path: Path, **values: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


@pytest.fixture
def code(folder, tmp_path, monkeypatch) -> Path:
    """A marker that the folder's own code would write; whoever asks gets a yes."""
    marker = tmp_path / "ran"
    text = f"open({str(marker)!r}, 'w').close()\nfrom transformers import *\n"
    (folder / "evil.py").write_text(text)
    monkeypatch.setattr("builtins.input", lambda *_: "y")
    return marker


MAPS = {
    "AutoConfig": "evil.BertConfig",
    "AutoModel": "evil.BertModel",
    "AutoTokenizer": ["evil.BertTokenizer", None],
}


@pytest.mark.parametrize("model_type", ["bert", "evil"])
def test_code_in_a_folder_is_never_run(folder, code, model_type):
    change(folder / "config.json", auto_map=MAPS, model_type=model_type)
    with pytest.raises(ValueError, match=r"config\.json: its auto_map asks for Python code") as e:
        Encoder(str(folder)).apply(["good"])
    assert len(str(e.value)) < 400
    assert not code.exists()


def test_code_of_a_tokenizer_is_never_run(folder, code):
    change(folder / "tokenizer_config.json", auto_map=MAPS, tokenizer_class="EvilTokenizer")
    with pytest.raises(ValueError, match=r"tokenizer_config\.json: its auto_map asks for"):
        load_encoder(str(folder))
    assert not code.exists()


def test_code_on_the_hub_is_never_run(folder, code, monkeypatch):
    """The hub's copy is a folder here; what refuses is that its settings are looked at first."""
    change(folder / "config.json", auto_map=MAPS, model_type="evil")
    given = []

    def from_hub(_, **options):
        given.append(options)
        return json.loads((folder / "config.json").read_text()), {}

    monkeypatch.setattr(transformers.PretrainedConfig, "get_config_dict", from_hub)
    monkeypatch.setattr("qimlp.data.features.encoder_files._unreachable", lambda _: None)
    with pytest.raises(ValueError, match="'someone/evil': its auto_map asks for Python code"):
        load_encoder("someone/evil")
    assert given == [{"trust_remote_code": False, "local_files_only": False}]
    assert not code.exists()


def test_every_call_forbids_code_and_pickles(folder, monkeypatch):
    seen = []
    for kind in (transformers.AutoTokenizer, transformers.AutoModel):
        real = kind.from_pretrained

        def spy(place, _real=real, **options):
            seen.append(options)
            return _real(place, **options)

        monkeypatch.setattr(kind, "from_pretrained", spy)
    load_encoder(str(folder))
    assert [options["trust_remote_code"] for options in seen] == [False, False]
    assert [options["local_files_only"] for options in seen] == [True, True]
    assert seen[1]["use_safetensors"] is True


@pytest.mark.parametrize(
    "values",
    [
        {"trust_remote_code": True},
        {"text_config": {"sub": [{"auto_map": MAPS}]}},
        {"_attn_implementation_internal": "someone/kernel"},
        {"attn_implementation": {"text": "someone/kernel:run"}},
    ],
)
def test_other_ways_to_code(folder, values):
    change(folder / "config.json", **values)
    with pytest.raises(ValueError, match=r"config\.json: its \w+ asks for"):
        load_encoder(str(folder))


def test_pickled_weights_are_never_read(folder):
    weights = folder / "model.safetensors"
    torch.save({}, folder / "pytorch_model.bin")
    weights.unlink()
    with pytest.raises(ValueError, match=r"cannot be loaded: expected .*model\.safetensors"):
        load_encoder(str(folder))


@pytest.mark.parametrize("file", ["model.safetensors", "tokenizer.json", "config.json"])
def test_a_damaged_folder_is_one_line(folder, file):
    path = folder / file
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(ValueError, match=str(folder)) as caught:
        load_encoder(str(folder))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_weights_that_lack_a_layer_are_refused(folder):
    path = folder / "model.safetensors"
    weights = safetensors.torch.load_file(path)
    safetensors.torch.save_file(
        {k: v for k, v in weights.items() if "layer.1." not in k}, path, {"format": "pt"}
    )
    with pytest.raises(ValueError, match=r"lacks 'encoder\.layer\.1\..* in all\), which would be"):
        load_encoder(str(folder))


def test_weights_without_the_pooler_are_whole(folder):
    path = folder / "model.safetensors"
    weights = safetensors.torch.load_file(path)
    kept = {k: v for k, v in weights.items() if "pooler" not in k}
    assert len(kept) < len(weights)
    safetensors.torch.save_file(kept, path, {"format": "pt"})
    load_encoder(str(folder))


def test_an_adapter_names_no_other_encoder(folder):
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "someone/evil"}')
    with pytest.raises(ValueError, match="got an adapter of another one"):
        load_encoder(str(folder))


@pytest.fixture
def no_network(monkeypatch):
    def ask(*_, **__):
        raise AssertionError("a request")

    monkeypatch.setattr(urllib.request, "urlopen", ask)


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize(
    "name",
    [
        "./encoder",
        "~/nowhere",
        "a/b/c",
        "here/encoder",
        "encoder.safetensors",
        "a b",
        "a\0",
        "a" * 9999,
    ],
)
def test_what_looks_like_a_path_is_not_sent_to_the_hub(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    with pytest.raises(FileNotFoundError, match="there is no such folder"):
        load_encoder(name)


@pytest.mark.usefixtures("no_network")
def test_offline_means_no_request(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(FileNotFoundError, match=r"HF_HUB_OFFLINE is set"):
        load_encoder("someone/encoder-of-theirs")


@pytest.mark.usefixtures("no_network")
def test_a_folder_needs_no_request(folder):
    tokenizer, _ = load_encoder(str(folder))
    assert tokenizer.is_fast
