"""`qimlp compress`: a run, a saved model or a text encoder becomes a smaller one."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from qimlp import Predictor
from qimlp.compression import CompressionConfig, CompressionReport, load_compressed
from qimlp.nn import KroneckerLinear
from qimlp.settings import resolve_settings
from qimlp.training import fit
from tests.tiny_encoder import write_encoder
from tests.tiny_runs import write_tiny


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A classic network of a small data set, and one of Kronecker layers."""
    root = tmp_path_factory.mktemp("runs")
    data = write_tiny(root / "tiny.npz")
    given = {"data": str(data), "batch_size": 10, "lr": 0.01, "device": "cpu"}
    settings = resolve_settings({**given, "model": "mlp", "dims": "4x4,8x8,3x1", "epochs": 5})
    classic = Path(fit(settings, out=root).folder)
    settings = resolve_settings({**given, "model": "2b", "dims": "4x4,3x1", "epochs": 1})
    return {"data": data, "mlp": classic, "2b": fit(settings, out=root).folder}


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    root = tmp_path_factory.mktemp("encoder")
    texts = [f"{'very ' * (i % 7)}{('bad', 'good', 'a')[i % 3]} film" for i in range(60)]
    (root / "texts.txt").write_text("\n".join(texts) + "\n")
    (root / "encoder").mkdir()
    write_encoder(root / "encoder")
    return root


def test_a_run_becomes_a_predictor_of_fewer_parameters(qimlp, runs, tmp_path):
    out = tmp_path / "small"
    done = qimlp("compress", runs["mlp"], "--ratio", 2, "--out", out)
    assert done.code == 0, done.err
    assert "Note: calibrated on 80 examples of the train part of" in done.out
    assert "chosen by the loss after tuning on held-out rows" in done.out
    assert f"Written to {out}" in done.out
    kept = {"config.json", "model.safetensors", "preprocess.json", "report.json", "report.png"}
    assert {path.name for path in out.iterdir()} == kept
    before, after = (Predictor.load(folder, device="cpu") for folder in (runs["mlp"], out))
    counts = [sum(p.numel() for p in each.network.parameters()) for each in (before, after)]
    assert counts[1] <= counts[0] / 2
    stored = json.loads((out / "report.json").read_text())
    assert stored["parameters"] == counts[1]
    report = CompressionReport.from_dict(stored["report"])
    assert (report.parameters_before, report.parameters_after) == tuple(counts)
    measured = after.evaluate(str(runs["data"])).metrics["accuracy"]
    assert stored["scores"]["test accuracy"] == pytest.approx(measured)
    assert measured >= before.evaluate(str(runs["data"])).metrics["accuracy"] - 0.1
    predictions = tmp_path / "predictions.csv"
    done = qimlp("predict", out, runs["data"], "--out", predictions)
    assert done.code == 0, done.err
    assert len(predictions.read_text().splitlines()) == 31


def test_several_ratios_make_a_front(qimlp, runs, tmp_path):
    out = tmp_path / "front"
    done = qimlp(
        *("compress", runs["mlp"], "--ratio", 4, "--ratio", 1.5, "--form", "low_rank"),
        *("--json", "--out", out),
    )
    assert done.code == 0, done.err
    printed = json.loads(done.out)
    assert printed == json.loads((out / "front.json").read_text())
    assert (out / "front.png").read_bytes().startswith(b"\x89PNG")
    points = printed["points"]
    assert [point["name"] for point in points] == ["ratio-1.5", "ratio-4"]
    assert points[0]["parameters"] > points[1]["parameters"]
    assert all(layer["form"] != "kronecker" for layer in points[0]["report"]["layers"])
    for point in points:
        predictor = Predictor.load(out / point["name"], device="cpu")
        assert sum(p.numel() for p in predictor.network.parameters()) == point["parameters"]
        found = predictor.evaluate(str(runs["data"])).metrics["accuracy"]
        assert point["scores"]["test accuracy"] == pytest.approx(found)
    result = json.loads((runs["mlp"] / "result.json").read_text())
    assert printed["scores"]["test accuracy"] == pytest.approx(result["test"]["accuracy"])


def test_distillation_and_an_earlier_result_replaced(qimlp, runs, tmp_path):
    call = ("compress", runs["mlp"], "--ratio", 3, "--form", "kronecker", "--out", tmp_path / "out")
    assert qimlp(*call).code == 0
    untuned = load_file(tmp_path / "out" / "model.safetensors")
    done = qimlp(*call)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "out exists; choose another --out, or --overwrite" in done.err
    done = qimlp(*call, "--distill", 50, "--overwrite")
    assert done.code == 0, done.err
    assert "distilled for 50 steps" in done.out
    tuned = load_file(tmp_path / "out" / "model.safetensors")
    assert any(not torch.equal(tuned[name], untuned[name]) for name in untuned)


def test_a_saved_model_with_other_data(qimlp, runs, tmp_path):
    predictor = Predictor.load(runs["mlp"], device="cpu")
    predictor.save(tmp_path / "saved")
    rows = np.random.default_rng(0).normal(size=(50, 4, 4)).astype(np.float32)
    np.savez(tmp_path / "rows.npz", x=rows)
    done = qimlp(
        *("compress", tmp_path / "saved", "--calibration", tmp_path / "rows.npz"),
        *("--max-parameters", 600, "--samples", 40, "--out", tmp_path / "small", "--json"),
    )
    assert done.code == 0, done.err
    printed = json.loads(done.out)
    assert printed["calibrated_on"].startswith("40 examples of")
    assert printed["scores"] == {}
    assert printed["points"][0]["report"]["parameters_after"] <= 600
    assert Predictor.load(tmp_path / "small", device="cpu").predict(rows).shape == (50,)
    done = qimlp("compress", tmp_path / "saved", "--ratio", 2, "--out", tmp_path / "plain")
    assert (done.code, done.err) == (0, "")
    assert "Note: no calibration data: layers are fitted to their weights alone" in done.out
    done = qimlp(
        *("compress", tmp_path / "saved", "--ratio", 2, "--distill", 5),
        *("--out", tmp_path / "tuned"),
    )
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "distill: expected data to train on" in done.err


def test_an_encoder_keeps_its_tokenizer_and_its_structure(qimlp, encoder, tmp_path):
    from transformers import AutoConfig, AutoModel, AutoTokenizer

    out = tmp_path / "small"
    done = qimlp(
        *("compress", encoder / "encoder", "--ratio", 1.3, "--form", "low_rank"),
        *("--calibration", encoder / "texts.txt", "--out", out, "--json"),
    )
    assert done.code == 0, done.err
    printed = json.loads(done.out)
    assert "48 texts and judged by 12 others" in printed["notes"][-1]
    score, floor = (printed[key]["cosine to the original"] for key in ("scores", "floor"))
    assert score == pytest.approx(1.0)
    found = printed["points"][0]["scores"]["cosine to the original"]
    assert floor < found < 1
    model = load_compressed(lambda: AutoModel.from_config(AutoConfig.from_pretrained(out)), out)
    assert any(isinstance(layer, KroneckerLinear) for layer in model.modules())
    tokens = AutoTokenizer.from_pretrained(out)(["very good film"], return_tensors="pt")
    with torch.no_grad():
        assert torch.isfinite(model.eval()(**tokens).last_hidden_state).all()


REFUSED = [
    (("--ratio", 1), "ratio: expected a number above 1, got 1.0"),
    (("--ratio", 10_000), "ratio"),
    (("--ratio", 4, "--ratio", 4), "expected every budget once, got ratio-4 2 times"),
    ((), "expected a budget, such as --ratio 4"),
    (("--ratio", 4, "--max-parameters", 9), "expected ratio or max_parameters, one of them"),
    (("--max-parameters", 99_999), "max_parameters: expected fewer than the"),
    (("--ratio", 4, "--form", "sparse"), "form: expected one of auto, low_rank, kronecker"),
    (("--ratio", 4, "--calibration", "nowhere.csv"), "no data set 'nowhere.csv'"),
    (("--ratio", 4, "--skip", "heads.*"), "skip: 'heads.*' matches no module"),
    (("--ratio", 4, "--samples", 0), "samples: expected 1 or more, got 0"),
]


@pytest.mark.parametrize(("options", "message"), REFUSED)
def test_bad_options_are_one_line_and_write_nothing(qimlp, runs, tmp_path, options, message):
    done = qimlp("compress", runs["mlp"], *options, "--out", tmp_path / "out")
    assert (done.code, done.err.count("\n"), done.out) == (2, 1, "")
    assert message in done.err
    assert not list(tmp_path.iterdir())


def test_networks_without_dense_layers_are_not_compressed(qimlp, runs, tmp_path):
    table = tmp_path / "table.csv"
    table.write_text("a,b,label\n" + "".join(f"{i},{i % 7},{i % 2}\n" for i in range(60)))
    given = {"data": str(table), "model": "table", "epochs": 1, "device": "cpu"}
    settings = resolve_settings(given)
    folder = fit(settings, out=tmp_path / "runs").folder
    for run, kind, instead in (
        (runs["2b"], "qimlp", "train one with smaller --dims or --rank, or compress a classic"),
        (folder, "table", "train one with smaller --dims, --embedding-dim or --members, or"),
    ):
        done = qimlp("compress", run, "--ratio", 2, "--out", tmp_path / "out")
        assert (done.code, done.err.count("\n"), done.out) == (2, 1, "")
        assert f"{run}: expected a network with dense layers, got one of kind {kind}" in done.err
        assert f"Kronecker layers already; {instead}" in done.err
        assert not (tmp_path / "out").exists()


def test_folders_that_are_in_the_way_or_hold_nothing(qimlp, runs, tmp_path):
    (tmp_path / "mine").mkdir()
    done = qimlp("compress", runs["mlp"], "--ratio", 2, "--out", tmp_path / "mine", "--overwrite")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "mine exists and holds no earlier compression, so it is not overwritten" in done.err
    done = qimlp("compress", runs["mlp"], "--ratio", 2, "--out", runs["mlp"], "--overwrite")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "holds what is to be compressed" in done.err
    done = qimlp("compress", tmp_path / "mine", "--ratio", 2, "--out", tmp_path / "out")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "mine is no run folder" in done.err
    done = qimlp("compress", runs["mlp"] / "best", "--ratio", 2, "--out", tmp_path / "out")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert f"best: expected a run folder, got the weights in one; name {runs['mlp']}" in done.err
    done = qimlp("compress", "owner/typo", "--ratio", 2, "--out", tmp_path / "out")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "owner/typo: expected a run folder" in done.err
    assert "found no such folder" in done.err


@pytest.mark.parametrize("damage", ["pickled", "truncated"])
def test_damaged_encoders_are_refused(qimlp, encoder, tmp_path, damage):
    folder = tmp_path / "encoder"
    shutil.copytree(encoder / "encoder", folder)
    weights = folder / "model.safetensors"
    if damage == "pickled":
        weights.rename(folder / "pytorch_model.bin")
    else:
        weights.write_bytes(weights.read_bytes()[:-100])
    done = qimlp("compress", folder, "--ratio", 1.3, "--out", tmp_path / "out")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "expected config.json, tokenizer.json and model.safetensors" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["encoder"]


def test_truncated_weights_of_a_run_are_refused(qimlp, runs, tmp_path):
    shutil.copytree(runs["mlp"], tmp_path / "run")
    weights = tmp_path / "run" / "best" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    done = qimlp("compress", tmp_path / "run", "--ratio", 2, "--out", tmp_path / "out")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "model.safetensors" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_more_tokens_than_the_encoder_reads(qimlp, encoder, tmp_path):
    done = qimlp(
        *("compress", encoder / "encoder", "--calibration", encoder / "texts.txt"),
        *("--ratio", 1.3, "--max-tokens", 513, "--out", tmp_path / "out"),
    )
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "max_tokens: expected at most 512" in done.err


def test_every_field_of_the_config_is_an_option_with_its_help(qimlp):
    done = qimlp("compress", "--help")
    words = " ".join(done.out.replace("│", " ").split())
    for name in CompressionConfig.__dataclass_fields__:
        assert f"--{name.replace('_', '-')}" in words
    assert "Least part of its uniform share that every layer gets" in words
