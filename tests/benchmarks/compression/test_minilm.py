"""The compressed text encoder: what counts as met, and what is missing is said in one line."""

import json

import pytest
import torch

from benchmarks.compression import minilm
from qimlp.bench.timing import Timings
from tests.tiny_encoder import write_encoder

TEXTS = ["good film", "a very bad film", "very good", "bad bad film a"] * 10


@pytest.fixture
def small(monkeypatch, tmp_path):
    pd = pytest.importorskip("pandas")
    pytest.importorskip("transformers")
    (tmp_path / "encoder").mkdir()
    monkeypatch.setattr(minilm, "ENCODER", str(write_encoder(tmp_path / "encoder")))
    for name in minilm.TEXTS:
        (tmp_path / name).mkdir()
        for split in ("train", "test"):
            pd.DataFrame({"text": TEXTS}).to_parquet(
                tmp_path / name / f"{split}-00000-of-00001.parquet"
            )
    monkeypatch.setenv("QIMLP_DATA", str(tmp_path))
    return tmp_path


def run(*arguments):
    return minilm.main(["--quick", "--threads", "1", "--held-out", "8", *arguments])


def test_it_shows_the_floor_and_both_fits(small, monkeypatch, capsys):
    monkeypatch.setattr(minilm, "_forward_speed", lambda *_: 3.0)
    monkeypatch.setattr(minilm, "WANTED", {1.5: (-1.0, -1.0), 2.0: (1.01, 0.0)})
    file = small / "out.json"
    asked = ("--ratios", "1.5", "2", "--calibration-texts", "32", "--json", str(file))
    assert run(*asked) == 0
    rows = json.loads(file.read_text(encoding="utf-8"))["rows"]
    assert [row["fit"] for row in rows] == ["mean vector", *["data-aware", "plain"] * 2]
    assert [row["verdict"] for row in rows] == ["", "met", "", "NOT met", ""]
    assert all(0 < row["layers"] <= 12 for row in rows[1:])
    assert all(row["ratio"] >= row["asked"] for row in rows[1:])
    assert all(row["imdb"] == row["20newsgroups"] for row in rows)  # of the same texts
    printed = capsys.readouterr().out
    assert printed.count("low_rank, data-aware") == 2
    assert "mean vector" in printed


def test_it_is_too_slow(small, monkeypatch):
    monkeypatch.setattr(minilm, "_forward_speed", lambda *_: 1.9)
    monkeypatch.setattr(minilm, "WANTED", {4.0: (-1.0, -1.0)})
    file = small / "out.json"
    assert run("--ratios", "4", "--json", str(file)) == 0
    rows = json.loads(file.read_text(encoding="utf-8"))["rows"]
    assert rows[1]["verdict"] == "NOT met"


def test_the_embedding_is_the_mean_over_a_text_and_not_its_padding(small):
    tokenizer, model = minilm.load_encoder(minilm.ENCODER)
    model.eval()
    padded = tokenizer(["good film", "a very bad film"], padding=True, return_tensors="pt")
    alone = tokenizer(["good film"], return_tensors="pt")
    both = minilm.embeddings(model, [dict(padded)])
    expected = model(**alone).last_hidden_state[0].mean(0)
    torch.testing.assert_close(both[0], expected, rtol=1e-4, atol=1e-5)


def test_missing_texts_are_said_in_one_line(small, monkeypatch, capsys):
    monkeypatch.setenv("QIMLP_DATA", str(small / "nowhere"))
    assert run() == 1
    said = capsys.readouterr().err
    assert "no such texts; set QIMLP_DATA to the data folder" in said
    assert said.count("\n") == 1


def test_a_faster_network_has_a_speed_above_one(monkeypatch):
    def interleave(calls, *, rounds, device):
        return Timings({"dense": (4.0,) * rounds, "small": (2.0,) * rounds})

    monkeypatch.setattr(minilm, "interleave", interleave)
    assert minilm._forward_speed(torch.nn.Identity(), torch.nn.Identity(), {}, 3) == 2.0
