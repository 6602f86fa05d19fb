"""Features of texts from a frozen encoder."""

import json
import os
import pickle
import shutil
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import safetensors.torch
import torch

from qimlp.data.features.encoder import Encoder, listening
from tests.tiny_encoder import write_encoder

transformers = pytest.importorskip("transformers")

TEXTS = ["a good film", "a very very bad film", "good", "", "bad film " * 50]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return write_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("QIMLP_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "features"


def test_each_text_is_encoded_as_if_alone(folder):
    encoder = Encoder(str(folder), max_tokens=8)
    found = encoder.apply(TEXTS)
    assert found.shape == (len(TEXTS), 16)
    model = transformers.AutoModel.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    for text, row in zip(TEXTS, found, strict=True):
        tokens = tokenizer(text, truncation=True, max_length=8, return_tensors="pt")
        with torch.inference_mode():
            hidden = model(**tokens).last_hidden_state[0]
        assert torch.allclose(row, hidden.mean(dim=0), atol=1e-5)
    first = Encoder(str(folder), pooling="cls", max_tokens=8).apply(TEXTS[:1])
    assert not torch.allclose(first, found[:1], atol=1e-3)


def test_features_are_kept_by_content(folder, cache, monkeypatch):
    monkeypatch.setattr("qimlp.data.features.encoder._SHARD", 2)
    encoder, done = Encoder(str(folder), max_tokens=8), []
    found = encoder.apply(TEXTS, on_progress=lambda part, whole: done.append((part, whole)))
    assert done == [(0, 5), (2, 5), (4, 5), (5, 5)]
    pieces = sorted(cache.iterdir())
    assert len(pieces) == 3
    before = [piece.stat().st_mtime_ns for piece in pieces]
    assert torch.equal(encoder.apply(TEXTS), found)
    assert [piece.stat().st_mtime_ns for piece in sorted(cache.iterdir())] == before
    encoder.apply(["another", *TEXTS[1:]])
    assert len(list(cache.iterdir())) == 4
    Encoder(str(folder), max_tokens=7).apply(TEXTS[:2])
    assert len(list(cache.iterdir())) == 5


DAMAGE = {
    "truncated": lambda data: data[:20],
    "empty": lambda data: b"",
    "other numbers": lambda data: data[:-1] + bytes([data[-1] ^ 1]),
    "a pickle": lambda data: pickle.dumps({"features": 1}),
    "other rows": lambda data: safetensors.torch.save({"features": torch.zeros(4, 16)}),
    "other columns": lambda data: safetensors.torch.save({"features": torch.zeros(5, 8)}),
    "other numbers' kind": lambda data: safetensors.torch.save(
        {"features": torch.zeros(5, 16, dtype=torch.int64)}
    ),
    "not finite": lambda data: safetensors.torch.save({"features": torch.full((5, 16), torch.nan)}),
    "another name": lambda data: safetensors.torch.save({"other": torch.zeros(5, 16)}),
    "a vast header": lambda data: b"\xff" * 8 + data,
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_piece_is_made_again(folder, cache, damage):
    encoder = Encoder(str(folder), max_tokens=8)
    found = encoder.apply(TEXTS)
    (piece,) = cache.iterdir()
    whole = piece.read_bytes()
    piece.write_bytes(DAMAGE[damage](whole))
    assert torch.equal(encoder.apply(TEXTS), found)
    assert piece.read_bytes() == whole
    assert list(cache.iterdir()) == [piece]


def test_a_piece_of_an_earlier_version_has_no_checksum(folder, cache):
    encoder = Encoder(str(folder), max_tokens=8)
    encoder.apply(TEXTS)
    (piece,) = cache.iterdir()
    piece.write_bytes(safetensors.torch.save({"features": torch.ones(5, 16)}))
    assert torch.equal(encoder.apply(TEXTS), torch.ones(5, 16))


@pytest.mark.timeout(60)
def test_a_pipe_and_a_link_in_the_cache(folder, cache, tmp_path):
    encoder = Encoder(str(folder), max_tokens=8)
    found = encoder.apply(TEXTS)
    (piece,) = cache.iterdir()
    piece.unlink()
    os.mkfifo(piece)
    assert torch.equal(encoder.apply(TEXTS), found)
    assert piece.is_file()
    other = tmp_path / "other"
    other.write_text("mine")
    piece.unlink()
    piece.symlink_to(other)
    assert torch.equal(encoder.apply(TEXTS), found)
    assert other.read_text() == "mine"


def test_a_cache_that_cannot_be_made_is_one_line(folder, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    for name in (str(tmp_path / "file"), "a" * 5000):
        monkeypatch.setenv("QIMLP_CACHE", name)
        with pytest.raises(OSError, match="name another folder with QIMLP_CACHE") as caught:
            Encoder(str(folder)).apply(["a"])
        assert len(str(caught.value)) < 400


def test_who_listens_hears_of_encoding(folder):
    heard = []
    with listening(lambda done, count: heard.append((done, count))):
        Encoder(str(folder), max_tokens=8).apply(TEXTS)
    Encoder(str(folder), max_tokens=7).apply(TEXTS)
    assert heard == [(0, 5), (5, 5)]


def test_a_missing_encoder_is_one_line(tmp_path):
    with pytest.raises(FileNotFoundError, match="is no folder with config.json") as caught:
        Encoder(str(tmp_path)).apply(["a"])
    assert "\n" not in str(caught.value)


def test_an_unreachable_hub_is_asked_once_and_quietly(monkeypatch, capfd):
    asked = []

    def refuse(address, **_):
        asked.append(address)
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    with pytest.raises(FileNotFoundError, match="Name or service not known") as caught:
        Encoder("no-such/encoder").apply(["a"])
    assert "\n" not in str(caught.value)
    assert len(asked) == 1
    assert asked[0].endswith("/api/models/no-such/encoder")
    assert capfd.readouterr().err == ""


def test_the_label_names_the_encoder():
    assert Encoder("/some/where/bert-base-uncased").label == "bert-base-uncased, mean of 256 tokens"


def test_a_stored_encoder_comes_back():
    encoder = Encoder("a", "cls", 8)
    assert Encoder.from_dict(vars(encoder)) == encoder


@pytest.mark.parametrize(
    "change",
    [
        {"name": 5},
        {"pooling": "max"},
        {"pooling": ["mean"]},
        {"max_tokens": 0},
        {"max_tokens": True},
        {"max_tokens": 1e9},
        {"max_tokens": 10**30},
        {"trust_remote_code": True},
        {"name": None, "x": "\x1b[2J" * 10**6},
    ],
)
def test_a_damaged_stored_encoder_is_one_line(change):
    with pytest.raises(ValueError, match="the stored encoder is damaged: expected a name") as e:
        Encoder.from_dict(vars(Encoder("a")) | change)
    assert str(e.value).isprintable()
    assert len(str(e.value)) < 300
    with pytest.raises(ValueError, match="the stored encoder is damaged"):
        Encoder.from_dict([change])


def test_more_tokens_than_an_encoder_reads_are_one_line(folder):
    with pytest.raises(
        ValueError, match=r"which reads at most 512 tokens, fails on texts of 902 tokens: lower max"
    ):
        Encoder(str(folder), max_tokens=1000).apply(["good " * 900])


def test_a_tokenizer_of_another_encoder_is_one_line(folder, tmp_path):
    mixed = tmp_path / "mixed"
    shutil.copytree(folder, mixed)
    tokenizer = json.loads((mixed / "tokenizer.json").read_text())
    tokenizer["model"]["vocab"]["good"] = 1000
    (mixed / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(ValueError, match="fails on .* do not belong together$") as caught:
        Encoder(str(mixed)).apply(["good film"])
    assert len(str(caught.value)) < 400
