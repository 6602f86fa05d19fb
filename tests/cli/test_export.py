"""`qimlp export`: a trained network becomes an artefact that runs elsewhere."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from qimlp import QiMLPClassifier
from qimlp.settings import resolve_settings
from qimlp.training import fit
from tests.tiny_runs import write_tiny


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run on a small data set."""
    root = tmp_path_factory.mktemp("runs")
    data = write_tiny(root / "tiny.npz")
    given = {"data": str(data), "model": "2b", "dims": "4x4,4x4,3x1", "batch_size": 10}
    return fit(resolve_settings({**given, "epochs": 5, "device": "cpu"}), out=root).folder


FILES = {
    "c": {"net.c", "net.h", "net_test.c", "net.json"},
    "html": {"net.html"},
    "onnx": {"net.onnx", "net.json"},
    "program": {"net.pt2", "net.json"},
}


@pytest.mark.parametrize("chosen", FILES)
def test_a_run_is_exported(qimlp, run, tmp_path, chosen):
    if chosen == "onnx":
        pytest.importorskip("onnxruntime")
    out = tmp_path / "out"
    done = qimlp("export", run, "--format", chosen, "--name", "net", "--out", out)
    assert done.code == 0, done.err
    assert {path.name for path in out.iterdir()} == FILES[chosen]
    assert f"Written to {out}" in done.out
    size = (out / sorted(FILES[chosen])[0]).stat().st_size
    assert f"{size:,} bytes" in done.out


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
def test_integers_are_calibrated_on_the_runs_own_train_part(qimlp, run, tmp_path):
    out = tmp_path / "out"
    how = ("--weights", "i8", "--activations", "i8", "--name", "net", "--json")
    done = qimlp("export", run, "--format", "c", *how, "--out", out)
    assert done.code == 0, done.err
    report = json.loads(done.out)
    assert report["format"] == "c"
    assert any("eight rows of the train part lie in the self-test" in n for n in report["notes"])
    assert report["files"]["net.c"] == (out / "net.c").stat().st_size
    program = tmp_path / "program"
    subprocess.run(
        ["cc", "-std=c99", "-Wall", "-Werror", out / "net.c", out / "net_test.c", "-o", program],
        check=True,
    )
    assert subprocess.run([program], check=False).returncode == 0


def test_a_saved_estimator_is_exported(qimlp, tmp_path):
    rows = [[i % 7, (i * i) % 5] for i in range(60)]
    labels = ["yes" if i % 7 > 3 else "no" for i in range(60)]
    QiMLPClassifier(max_iter=5, random_state=0).fit(rows, labels).save(tmp_path / "model")
    done = qimlp("export", tmp_path / "model", "--format", "html", "--out", tmp_path / "page")
    assert done.code == 0, done.err
    page = (tmp_path / "page" / "qimlp_network.html").read_text(encoding="utf-8")
    assert "yes" in page
    assert "default-src 'none'" in page


WRONG = {
    "format": (("--format", "docx"), "format: expected one of onnx, c, html, program, got 'docx'"),
    "name": (("--format", "c", "--name", "7up"), "name: expected a letter and then letters"),
    "keyword": (("--format", "c", "--name", "while"), "name"),
    "option of c": (
        ("--format", "html", "--weights", "i8"),
        "weights: expected with format c alone, got format html",
    ),
    "weights": (("--format", "c", "--weights", "i2"), "weights: expected"),
    "activations": (("--format", "c", "--activations", "i4"), "activations: expected"),
    "input": (("--format", "c", "--input", "u16"), "input: expected"),
    "head": (("--format", "onnx", "--head"), "head: expected a network on texts"),
    "head of a page": (("--format", "html", "--head"), "head: expected format onnx, c or program"),
    "bytes for floats": (
        ("--format", "c", "--input", "u8"),
        "input u8: expected raw features that are whole numbers from 0 to 255, got numbers from -",
    ),
    "integers and floats": (
        ("--format", "c", "--activations", "i8"),
        "activations i8: integers are multiplied with integers; set weights to i8 or i4",
    ),
    "calibration": (
        ("--format", "c", "--weights", "i8", "--activations", "i8", "--calibration", "nowhere.csv"),
        "nowhere.csv",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_call_is_one_line_and_leaves_nothing(qimlp, run, tmp_path, case):
    options, said = WRONG[case]
    out = tmp_path / "out"
    done = qimlp("export", run, *options, "--out", out)
    assert done.code == 2
    assert said in done.err
    assert len(done.err.strip().splitlines()) == 1
    assert not any(tmp_path.iterdir())


def test_a_folder_that_is_there_stays(qimlp, run, tmp_path):
    (tmp_path / "kept").write_text("mine")
    done = qimlp("export", run, "--format", "c", "--out", tmp_path)
    assert done.code == 2
    assert "exists; choose another folder to export to" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_a_folder_below_a_file_is_refused_by_its_own_name(qimlp, run, tmp_path):
    (tmp_path / "file").write_text("mine")
    done = qimlp("export", run, "--format", "c", "--out", tmp_path / "file" / "out")
    assert done.code == 2
    assert f"{tmp_path / 'file'} is a file: nothing can lie below it" in done.err
    assert "qimlp-tmp" not in done.err
    done = qimlp("export", run, "--format", "c", "--out", tmp_path / ("x" * 300))
    assert done.code == 2
    assert "qimlp-tmp" not in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_shaped_examples_that_are_no_pixels_come_as_floats(qimlp, run, tmp_path):
    done = qimlp("export", run, "--format", "c", "--out", tmp_path / "out")
    assert done.code == 0, done.err
    assert "input f32: the train part holds other numbers than whole ones to 255" in done.out
    header = (tmp_path / "out" / "qimlp_network.h").read_text(encoding="utf-8")
    assert "qimlp_network_predict(const float *x, float *outputs)" in header


def test_a_run_without_weights_is_refused(qimlp, run, tmp_path):
    shutil.copytree(run, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "best")
    done = qimlp("export", tmp_path / "run", "--format", "c", "--out", tmp_path / "out")
    assert done.code == 2
    assert "has not finished an epoch yet" in done.err
    assert not Path(tmp_path / "out").exists()


def test_data_that_changed_is_refused_where_it_is_needed(qimlp, tmp_path):
    data = write_tiny(tmp_path / "tiny.npz")
    given = {"data": str(data), "model": "2b", "dims": "4x4,3x1", "epochs": 1, "device": "cpu"}
    run = fit(resolve_settings(given), out=tmp_path / "runs").folder
    again = shutil.copy(data, tmp_path / "again.npz")
    write_tiny(data, seed=1)
    done = qimlp("export", run, "--format", "c", "--weights", "i8", "--out", tmp_path / "out")
    assert done.code == 2
    assert "has changed since the run was started" in done.err
    calibrated = ("--weights", "i8", "--activations", "i8", "--calibration", again)
    done = qimlp("export", run, "--format", "c", *calibrated, "--out", tmp_path / "out")
    assert done.code == 0, done.err
    assert "the run's data is not there as it was" in done.out
