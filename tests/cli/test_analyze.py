"""`qimlp analyze` from run folders to files."""

import csv
import json
import shutil

import numpy as np
import pytest

from qimlp import Predictor
from qimlp.correlation import analyze
from qimlp.models import load_pretrained

FIGURES = {"histograms.png", "levels.png", "spectra.png", "truncation.png"}
TABLES = {"report.json", "layers.csv", "truncation.csv"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two seeds of a small two-body network and of its control, trained once."""
    from qimlp.cli.app import run

    root = tmp_path_factory.mktemp("analysis")
    random = np.random.default_rng(0)
    centres = random.normal(size=(3, 4, 4)) * 2
    labels = np.arange(190) % 3
    x = (centres[labels] + random.normal(size=(190, 4, 4))).astype(np.float32)
    tiny = root / "tiny.npz"
    np.savez(tiny, x_train=x[:100], y_train=labels[:100], x_test=x[100:], y_test=labels[100:])
    common = ["--epochs", "2", "--seeds", "0,1", "--device", "cpu", "--out", str(root / "runs")]
    for arguments in (["--dims", "4x4,4x4,4x4,3x1"], ["--model", "mlp", "--overwrite"]):
        assert run(["train", str(tiny), *arguments, *common]) == 0
    return root


@pytest.fixture
def runs(made, tmp_path):
    """A copy of the run folders, to write into."""
    return shutil.copytree(made / "runs", tmp_path / "runs")


def network(runs):
    return next(runs.glob("tiny-2b*"))


def test_one_run(qimlp, runs):
    run = network(runs) / "seed-1"
    done = qimlp("analyze", run)
    assert (done.code, done.err) == (0, "")
    folder = run / "correlation"
    assert {path.name for path in folder.iterdir()} == FIGURES | TABLES
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert report["samples"] == 90
    assert report["control"].endswith("seed-1")
    assert "mlp" in {b["name"] for b in report["layers"][0]["baselines"]}
    result = json.loads((run / "result.json").read_text(encoding="utf-8"))
    assert report["accuracy"] == result["test"]["accuracy"]
    for curve in report["truncation"]:
        assert curve["full"]["mean"] == pytest.approx(result["test"]["accuracy"])
    flat = " ".join(done.out.split())
    assert report["answers"][0] in flat
    assert "Accuracy with layers.0 cut to rank 1:" in flat
    again = qimlp("analyze", run)
    assert again.code == 2
    assert "exists; use another --out, or --overwrite" in again.err
    assert len(again.err.splitlines()) == 1
    assert qimlp("analyze", run, "--overwrite", "--samples", 20).code == 0


def test_several_runs_are_compared(qimlp, runs, tmp_path):
    out = tmp_path / "all"
    options = ("--out", out, "--unit", "bits", "--truncation-samples", 0)
    done = qimlp("analyze", runs, *options)
    assert done.code == 0, done.err
    folders = [path for path in out.iterdir() if path.is_dir()]
    assert len(folders) == 2  # of the control there are two more runs
    for folder in folders:
        assert {path.name for path in folder.iterdir()} == (FIGURES | TABLES) - {
            "truncation.csv",
            "truncation.png",
        }
    relation = json.loads((out / "relation.json").read_text(encoding="utf-8"))
    assert relation["unit"] == "bits"
    assert [layer["relation"] for layer in relation["layers"]] == [None, None]
    strong = next(iter(relation["layers"][1]["strong"].values()))
    assert strong["count"] == 2
    with (out / "relation.csv").open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == 4
    assert (out / "relation.png").is_file()
    (table,) = relation["tables"]
    assert table["rows"][0][0] == "C (bits)"
    flat = " ".join(done.out.split())
    assert "▲ more, ▼ less, ≈ no clear difference" in flat
    assert "C minus that of the classic MLP of the same widths" in flat
    assert relation["answers"][0] in flat
    assert "Whether accuracy goes with C cannot be said from 2 runs: four are needed." in flat


def test_several_runs_are_compared_in_their_own_folder(qimlp, runs, tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    options = ("--samples", 20, "--truncation-samples", 0)
    done = qimlp("analyze", runs, *options)
    assert done.code == 0, done.err
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert (runs / "correlation" / "relation.json").is_file()
    assert f"Figure: {runs / 'correlation' / 'relation.png'}" in done.out
    for run in network(runs).iterdir():
        shutil.rmtree(run / "correlation")
    again = qimlp("analyze", runs, *options)
    assert (again.code, "relation.json exists" in again.err) == (2, True)
    both = qimlp("analyze", *sorted(network(runs).iterdir()), *options)
    assert both.code == 2
    assert "expected --out, a folder for the comparison of 2 runs" in both.err
    assert both.err.count("\n") == 1


def test_json_and_nothing_else(qimlp, runs, tmp_path):
    run = network(runs) / "seed-0"
    done = qimlp("analyze", run, "--json", "--samples", 30, "--out", tmp_path / "a")
    report = json.loads(done.out)
    assert report["samples"] == 30
    assert report["network"].startswith("2b")
    assert report["truncation"][0]["full"]["count"] == 30


def test_a_classic_network_with_bodies_from_the_user(qimlp, runs, tmp_path):
    run = next(runs.glob("tiny-mlp*")) / "seed-0"
    refused = qimlp("analyze", run)
    assert refused.code == 2
    assert refused.err == (
        f"qimlp: error: {run}: the hidden layers of this network have no bodies of their own; "
        "say how their 16 features are split, such as --dims 4x4\n"
    )
    done = qimlp("analyze", run, "--dims", "4x4", "--json", "--out", tmp_path / "a")
    assert done.code == 0, done.err
    layers = json.loads(done.out)["layers"]
    assert {tuple(layer["place"]["dims"]) for layer in layers} == {(4, 4)}


def test_checkpoints_show_what_happened_over_training(qimlp, runs, tmp_path):
    run = network(runs) / "seed-0"
    for epoch in (0, 2):
        folder = run / "checkpoints" / f"epoch-{epoch:04d}"
        folder.parent.mkdir(exist_ok=True)
        load_pretrained(run / "best").save_pretrained(folder)
    done = qimlp("analyze", run, "--json", "--out", tmp_path / "a")
    report = json.loads(done.out)
    assert report["epochs"]["numbers"] == [0, 2]
    assert (tmp_path / "a" / "epochs.png").is_file()
    after = {
        layer["place"]["layer"]: layer["measured"]["strong"]["mean"] for layer in report["layers"]
    }
    for layer, estimates in report["epochs"]["strong"].items():
        means = [estimate["mean"] for estimate in estimates]
        assert means == pytest.approx([after[layer]] * 2)  # one network at both epochs


def test_a_control_of_other_widths(qimlp, runs, tmp_path):
    run, other = network(runs) / "seed-0", tmp_path / "other"
    made = json.loads((next(runs.glob("tiny-mlp*")) / "seed-0/settings.json").read_text())
    done = qimlp(
        *("train", made["data"], "--model", "mlp", "--dims", "16,8,8,3", "--epochs", 1),
        *("--device", "cpu", "--out", other),
    )
    assert done.code == 0, done.err
    control = next(other.glob("tiny-mlp*")) / "seed-0"
    done = qimlp("analyze", run, "--control", control)
    assert done.code == 2
    assert "control: expected hidden linear layers of the widths [16, 16], got [8, 8]" in done.err
    assert not (run / "correlation").exists()


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (("--model", "mlp", "--scaling", "symmetric"), "mlp"),
        (("--dims", "2x8,4x4,8x2,3x1", "--rank", "2"), "control"),
    ],
)
def test_any_run_on_the_same_data_can_be_the_control(qimlp, runs, tmp_path, arguments, name):
    run, other = network(runs) / "seed-0", tmp_path / "other"
    data = json.loads((run / "settings.json").read_text())["data"]
    trained = qimlp("train", data, *arguments, "--epochs", 1, "--device", "cpu", "--out", other)
    assert trained.code == 0, trained.err
    (control,) = other.glob("*/seed-0")
    common = ("--json", "--truncation-samples", 0)
    done = qimlp("analyze", run, "--control", control, *common, "--out", tmp_path / "a")
    assert done.code == 0, done.err
    alone = qimlp("analyze", control, "--dims", "4x4", *common, "--out", tmp_path / "b")
    assert alone.code == 0, alone.err
    beside = json.loads(done.out)["layers"]
    assert len(beside) == 4
    for layer, own in zip(beside, json.loads(alone.out)["layers"], strict=True):
        (baseline,) = (b for b in layer["baselines"] if b["name"] == name)
        assert baseline["strong"]["mean"] == pytest.approx(
            own["measured"]["strong"]["mean"], abs=1e-4
        )


def test_a_control_on_other_data(qimlp, runs, tmp_path):
    run = network(runs) / "seed-0"
    random = np.random.default_rng(1)
    x = random.normal(size=(60, 4, 4)).astype(np.float32)
    other = tmp_path / "tiny.npz"
    np.savez(other, x_train=x, y_train=np.arange(60) % 3, x_test=x, y_test=np.arange(60) % 3)
    options = ("--model", "mlp", "--epochs", 1, "--device", "cpu", "--out", tmp_path / "other")
    assert qimlp("train", other, *options).code == 0
    (control,) = (tmp_path / "other").glob("tiny-mlp*/seed-0")
    done = qimlp("analyze", run, "--control", control)
    assert done.code == 2
    assert "expected a run on the same data, tiny, got one on tiny, or on another" in done.err
    assert len(done.err.splitlines()) == 1


@pytest.mark.parametrize("named", [".", "below"])
def test_a_compressed_model_is_refused_with_what_to_do(qimlp, runs, tmp_path, named):
    (run,) = runs.glob("tiny-mlp*/seed-0")
    small = tmp_path / "small" / named
    done = qimlp("compress", run, "--ratio", 2, "--form", "kronecker", "--out", small)
    assert done.code == 0, done.err
    done = qimlp("analyze", tmp_path / "small")
    assert (done.code, done.err.count("\n"), done.out) == (2, 1, "")
    assert "small: expected a run folder, got a saved or compressed model" in done.err
    saved = Predictor.load(small, device="cpu")  # as the line says
    rows = saved.read(json.loads((run / "settings.json").read_text())["data"]).inputs
    report = analyze(saved.network, saved.batches(rows))
    assert report.samples == len(rows) == 90
    assert report.layers[0].place.layer.startswith("network.layers.")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "nowhere: expected a run folder, or a folder that holds finished runs"),
        (["RUN", "--unit", "bytes"], "--unit: expected nats or bits, got 'bytes'"),
        (["RUN", "--subsystems", "exact"], "--subsystems: expected one of partial_trace"),
        (["RUN", "--samples", "0"], "--samples: expected at least 1, got 0"),
        (["RUN", "--baseline-samples", "1"], "--baseline-samples: expected at least 2, got 1"),
        (["RUN", "--truncation-samples", "-1"], "--truncation-samples: expected at least 0"),
        (["RUN", "--dims", "4x4,4x4"], "--dims '4x4,4x4': expected the bodies of one layer"),
        (["RUN", "--control", "nowhere"], "nowhere not found: expected a run folder"),
    ],
)
def test_refusals_are_one_line(qimlp, runs, arguments, message):
    run = str(network(runs) / "seed-0")
    done = qimlp("analyze", *(run if a == "RUN" else a for a in arguments))
    assert done.code == 2
    assert message in done.err
    assert len(done.err.splitlines()) == 1
    assert not (network(runs) / "seed-0" / "correlation").exists()
