"""Every subcommand from its options to what it prints."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from qimlp import __version__
from tests.tiny_encoder import write_encoder


def test_train_ends_with_a_table_and_says_where_the_report_is(trained):
    done, out = trained
    for word in ("2b", "mlp", "test accuracy", "compression", "time/step", "memory"):
        assert word in done.out
    assert f"Report: {out / 'comparison.md'}" in done.out
    assert f"Figure: {out / 'comparison.png'}" in done.out
    with Image.open(out / "comparison.png") as picture:
        picture.load()
    assert sorted(path.name for path in (out / "flowers-2b").iterdir()) == ["seed-0", "seed-1"]


def test_without_a_terminal_there_is_one_line_per_epoch_and_no_control_character(trained):
    done, _ = trained
    assert (
        len(re.findall(r"epoch \d+/30  loss [\d.]+  dev [\d.]+  [\d,]+ samples/s", done.out)) == 120
    )
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", done.out)
    assert done.err == ""


def test_eval_of_the_own_test_set(qimlp, trained):
    _, out = trained
    run = out / "flowers-2b" / "seed-0"
    done = qimlp("eval", run)
    accuracy = json.loads((run / "result.json").read_text())["test"]["accuracy"]
    assert done.code == 0, done.err
    assert f"accuracy {accuracy:.4f}" in done.out
    for name in ("iris", "rose", "lily", "precision", "recall"):
        assert name in done.out


def test_eval_as_json_on_a_file(qimlp, trained, flowers):
    _, out = trained
    done = qimlp("eval", out / "flowers-2b" / "seed-0", flowers.with_name("some.csv"), "--json")
    assert done.code == 2  # not there yet
    some = flowers.with_name("some.csv")
    lines = flowers.read_text().splitlines()
    some.write_text("\n".join(lines[:31]) + "\n")
    done = qimlp("eval", out / "flowers-2b" / "seed-0", some, "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert found["examples"] == 30 == sum(map(sum, found["confusion"]))
    assert found["accuracy"] > 0.8
    assert found["class_names"] == ["iris", "lily", "rose"]


def test_eval_knows_its_own_data_however_the_path_is_spelled(qimlp, trained, flowers, tmp_path):
    run = trained[1] / "flowers-2b" / "seed-0"
    own = qimlp("eval", run, flowers)
    again = qimlp("eval", run, f"{flowers.parent}/../{flowers.parent.name}/{flowers.name}")
    assert own.code == again.code == 0
    assert own.out.splitlines()[-1] == again.out.splitlines()[-1]
    refused = qimlp("eval", run, flowers, "--label-column", "a")
    assert refused.code == 2
    assert "--label-column" in refused.err


@pytest.mark.parametrize("command", ["eval", "predict", "analyze"])
@pytest.mark.parametrize("device", ["foo", "", "cuda:99999999999999999999"])
def test_an_unknown_device_is_one_line(qimlp, trained, flowers, tmp_path, command, device):
    rest = (flowers, "--out", tmp_path / "x.csv") if command == "predict" else ()
    done = qimlp(command, trained[1] / "flowers-2b" / "seed-0", *rest, "--device", device)
    assert done.code == 2
    assert done.err.count("\n") == 1
    assert f"device {device!r}" in done.err


def test_a_run_on_a_relative_path_is_used_from_another_folder(qimlp, flowers, monkeypatch):
    monkeypatch.chdir(flowers.parent)
    options = ("--label-column", "kind", "--model", "mlp", "--epochs", 1, "--device", "cpu")
    assert qimlp("train", flowers.name, *options).code == 0
    monkeypatch.chdir(flowers.parent / "runs")
    for command in (("eval", "flowers-mlp/seed-0"), ("train", "--resume", ".")):
        done = qimlp(*command)
        assert done.code == 0, done.err
    result = Path("flowers-mlp/seed-0/result.json")
    result.unlink()  # as if it had been interrupted
    done = qimlp("train", "--resume", "flowers-mlp/seed-0")
    assert done.code == 0, done.err


def test_names_are_shown_as_they_are(qimlp, tmp_path):
    random = np.random.default_rng(0)
    path = tmp_path / "[b]$a_{$.csv"
    names = ("[/b]", "[bold]x")
    rows = [f"{random.normal() + 3 * (i % 2):.3f},{i % 7},{names[i % 2]}" for i in range(60)]
    path.write_text("\n".join(["u,v,label", *rows]) + "\n")
    done = qimlp(
        *("train", path, "--model", "mlp", "--epochs", 2, "--batch-size", 10),
        *("--device", "cpu", "--out", tmp_path / "runs"),
    )
    assert done.code == 0, done.err
    (run,) = (tmp_path / "runs").glob("*/seed-0")
    shown = qimlp("eval", run)
    assert shown.code == 0, shown.err
    assert "[/b]" in shown.out
    assert "[bold]x" in shown.out


def test_plan_shows_the_paper_s_shape_first(qimlp):
    done = qimlp("plan", 784, 784)
    assert done.code == 0, done.err
    first = next(line for line in done.out.splitlines() if "28x28" in line)
    assert "1,624" in first
    rows = json.loads(qimlp("plan", 784, 10, "--rank", 2, "--json").out)
    assert rows[0]["in_dims"] == [28, 28]
    assert {row["rank"] for row in rows} == {2}


def test_plan_says_that_it_did_not_search_everything(qimlp):
    line = "Searched the 40 most balanced factorisations of 720720; there are more."
    assert line in qimlp("plan", 720720, 720720, "--factors", 4).out.splitlines()
    assert "Searched" not in qimlp("plan", 784, 784, "--factors", 4).out


def test_settings_file_and_option(qimlp, tmp_path, flowers):
    file = tmp_path / "given.toml"
    file.write_text(
        f"data = '{flowers}'\nlabel_column = 'kind'\nepochs = 9\nmodel = 'mlp'\ndevice = 'cpu'\n"
    )
    done = qimlp("train", "--config", file, "--epochs", 2, "--out", tmp_path / "runs")
    assert done.code == 0, done.err
    run = tmp_path / "runs" / "flowers-mlp" / "seed-0"
    written = json.loads((run / "settings.json").read_text())
    assert (written["epochs"], written["model"]) == (2, "mlp")


def test_dims_alone_choose_the_number_of_bodies(qimlp, tmp_path, flowers):
    done = qimlp(
        *("train", flowers, "--label-column", "kind", "--dims", "1x2x2,1x3x1", "--epochs", 1),
        *("--device", "cpu", "--out", tmp_path / "runs"),
    )
    assert done.code == 0, done.err
    assert (tmp_path / "runs" / "flowers-3b-1x2x2-1x3x1" / "seed-0").is_dir()


def test_resume_of_a_complete_run_and_of_all(qimlp, trained):
    _, out = trained
    for path in (out / "flowers-2b" / "seed-0", out):
        done = qimlp("train", "--resume", path)
        assert done.code == 0, done.err
        assert "test accuracy" in done.out
        assert "epoch" not in done.out


def test_help_and_version(qimlp):
    shown = qimlp("--help")
    assert shown.code == 0
    for command in ("plan", "train", "eval", "predict"):
        assert re.search(rf"^[│ ]+{command} ", shown.out, re.MULTILINE)
    assert qimlp().out == shown.out
    assert qimlp("--version").out == f"qimlp {__version__}\n"


def test_texts_by_their_terms_in_spectral_order(qimlp, reviews, tmp_path):
    done = qimlp(
        *("train", reviews, "--text", "tfidf", "--terms", 4, "--order", "spectral"),
        *("--dims", "2x2,2x1", "--epochs", 5, "--device", "cpu", "--out", tmp_path / "runs"),
    )
    assert done.code == 0, done.err
    (run,) = (tmp_path / "runs").glob("reviews-*/seed-0")
    assert json.loads((run / "settings.json").read_text())["order"] == "spectral"
    assert len(json.loads((run / "preprocess.json").read_text())["features"]["terms"]["terms"]) == 4


@pytest.mark.parametrize("trained_too", [True, False])
def test_texts_through_an_encoder(qimlp, reviews, tmp_path, monkeypatch, trained_too):
    pytest.importorskip("transformers")
    monkeypatch.setenv("QIMLP_CACHE", str(tmp_path / "cache"))
    (tmp_path / "tiny-bert").mkdir()
    encoder = write_encoder(tmp_path / "tiny-bert")
    options = ("--finetune", "--encoder-lr", 0.01) if trained_too else ()
    done = qimlp(
        *("train", reviews, "--encoder", encoder, "--pooling", "cls", "--max-tokens", 6, *options),
        *("--dims", "4x4,2x1", "--epochs", 2, "--batch-size", 10, "--device", "cpu"),
        *("--out", tmp_path / "runs"),
    )
    assert done.code == 0, done.err
    (run,) = (tmp_path / "runs").glob("reviews-*/seed-0")
    assert run.parent.name.endswith("-finetuned") == trained_too
    chosen = json.loads((run / "settings.json").read_text())
    assert (chosen["text"], chosen["finetune"]) == ("encoder", trained_too)
    result = json.loads((run / "result.json").read_text())
    head = qimlp("eval", run, "--json")
    assert json.loads(head.out)["accuracy"] == result["test"]["accuracy"]
    (tmp_path / "new.txt").write_text("a good film\nbad\n")
    predicted = qimlp("predict", run, tmp_path / "new.txt", "--out", tmp_path / "new.csv")
    assert predicted.code == 0, predicted.err
    assert len((tmp_path / "new.csv").read_text().splitlines()) == 3


def test_notes_come_before_training_and_once_a_network(qimlp, tmp_path):
    random = np.random.default_rng(0)
    names = [f"f{i}" for i in range(13)]
    rows = [",".join(f"{v:.3f}" for v in random.normal(size=13)) + f",{i % 2}" for i in range(90)]
    (tmp_path / "prime.csv").write_text("\n".join([",".join([*names, "label"]), *rows]) + "\n")
    done = qimlp(
        *("train", tmp_path / "prime.csv", "--model", "2b", "--model", "3b", "--model", "mlp"),
        *("--seeds", "0,1", "--device", "cpu", "--out", tmp_path / "runs"),
    )
    assert done.code == 0, done.err
    notes = [line for line in done.out.splitlines() if line.startswith("Note: ")]
    assert [note.split()[1] for note in notes] == ["2b:", "58", "3b:"]
    assert "13 is prime" in notes[0]
    assert "drop or add features" in notes[0]
    assert "--epochs" in notes[1]
    assert done.out.splitlines()[0] == notes[0]
