"""Bad input: one line on standard error, exit code 2, nothing left behind."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest


@pytest.fixture
def data(tmp_path):
    """A folder of usable and unusable data."""
    folder = tmp_path / "data"
    folder.mkdir()
    x = np.random.default_rng(0).normal(size=(60, 16)).astype(np.float32)
    y = np.arange(60) % 2
    np.savez(folder / "good.npz", x=x, y=y)
    np.savez(folder / "nan.npz", x=np.where(x > 2, np.nan, x), y=y)
    (folder / "truncated.npz").write_bytes((folder / "good.npz").read_bytes()[:500])
    (folder / "empty.npz").write_bytes(b"")
    (folder / "empty.csv").write_text("")
    (folder / "other.csv").write_text("a,b\n1,2\n3,4\n")
    (folder / "truncated.parquet").write_bytes(b"PAR1\x00\x00")
    (folder / "hollow").mkdir()
    return folder


CASES = {
    "no data": ([], ["DATA"]),
    "no such command": (["trian"], ["trian"]),
    "no such option": (["train", "{data}/good.npz", "--epoch", "3"], ["--epoch"]),
    "an option without a number": (
        ["train", "{data}/good.npz", "--lr", "fast"],
        ["--lr"],
    ),
    "a ratio that is no number": (
        ["compress", "x", "--ratio", "abc", "--out", "y"],
        ["'--ratio': expected a valid number, got 'abc'"],
    ),
    "a count that is none": (
        ["reproduce", "--jobs", "0"],
        ["'--jobs': expected a number greater than or equal to 1, got '0'"],
    ),
    "unknown model": (["train", "{data}/good.npz", "--model", "2c"], ["'2c'", "'2b'"]),
    "unknown recipe": (["train", "{data}/good.npz", "--recipe", "papr"], ["'papr'", "'paper'"]),
    "unknown bias": (["train", "{data}/good.npz", "--bias", "kron"], ["bias", "kronecker"]),
    "unknown activation": (["train", "{data}/good.npz", "--activation", "gel"], ["gel"]),
    "unknown device": (["train", "{data}/good.npz", "--device", "gpu"], ["'gpu'"]),
    "texts without features": (["train", "imdb"], ["imdb", "--text tfidf"]),
    "features of no texts": (["train", "imdb", "--text", "bag"], ["text", "'bag'"]),
    "an encoder trained without texts": (
        ["train", "imdb", "--text", "tfidf", "--finetune"],
        ["finetune", "expected text encoder, got tfidf"],
    ),
    "rank 0": (["train", "{data}/good.npz", "--rank", "0"], ["rank", "got 0"]),
    "negative sizes": (["train", "{data}/good.npz", "--dims", "4x-4,2x1"], ["dims"]),
    "dims of other widths": (["train", "{data}/good.npz", "--dims", "4x5,2x1"], ["20", "16"]),
    "seeds": (["train", "{data}/good.npz", "--seeds", "0,a"], ["--seeds", "'0,a'"]),
    "one beta": (
        ["train", "{data}/good.npz", "--betas", "0.9"],
        ["betas: expected two numbers, such as 0.9,0.99, got '0.9'"],
    ),
    "betas that are no numbers": (
        ["train", "{data}/good.npz", "--betas", "0.9,b"],
        ["betas.1", "got 'b'"],
    ),
    "runs into a file": (
        ["train", "{data}/good.npz", "--out", "{data}/other.csv"],
        ["other.csv is no folder: expected one for the runs; choose another --out"],
    ),
    "runs below a file": (
        ["train", "{data}/none.npz", "--out", "{data}/other.csv/runs"],
        ["other.csv is no folder"],  # said before any data is read
    ),
    "a seed twice": (["train", "{data}/good.npz", "--seeds", "0,0"], ["the same"]),
    "missing file": (["train", "{data}/none.npz"], ["none.npz"]),
    "missing settings": (["train", "--config", "{data}/none.toml"], ["none.toml", "not found"]),
    "empty archive": (["train", "{data}/empty.npz"], ["empty.npz"]),
    "truncated archive": (["train", "{data}/truncated.npz"], ["truncated.npz"]),
    "truncated Parquet": (["train", "{data}/truncated.parquet"], ["truncated.parquet"]),
    "empty table": (["train", "{data}/empty.csv"], ["empty.csv"]),
    "table without labels": (["train", "{data}/other.csv"], ["other.csv", "label"]),
    "empty folder": (["train", "{data}/hollow"], ["hollow"]),
    "NaN": (["train", "{data}/nan.npz"], ["NaN"]),
    "resume of nothing": (["train", "--resume", "{data}/none"], ["none"]),
    "resume with options": (["train", "--resume", "{data}", "--lr", "1"], ["leave out --lr"]),
    "resume with another folder": (
        ["train", "--resume", "{data}", "--overwrite"],
        ["leave out --overwrite"],
    ),
    "resume into another folder": (
        ["train", "--resume", "{data}", "--out", "elsewhere"],
        ["leave out --out"],
    ),
    "more memory than there is": (
        ["train", "{data}/good.npz", "--rank", "9" * 11],
        ["not enough memory", "smaller sizes"],
    ),
    "eval of no run": (["eval", "{data}"], ["run folder"]),
    "predict without a file": (["predict", "{data}"], ["Missing argument"]),
    "predictions in an unknown format": (
        ["predict", "{data}", "{data}/good.npz", "--out", "{data}/a.txt"],
        ["a.txt", ".csv"],
    ),
    "plan of nothing": (["plan", "0", "10"], ["0"]),
    "plan with no factors": (["plan", "784", "10", "--factors", "0"], ["0"]),
    "plan with too many factors": (
        ["plan", "784", "10", "--factors", "1000"],
        ["num_factors: expected at most 64, got 1000"],
    ),
    "plan of a width that no machine holds": (
        ["plan", "1" + "0" * 400, "10"],
        ["in_features: expected at most"],
    ),
    "too many threads": (["bench", "--threads", "100000"], ["--threads", "1024"]),
}


@pytest.mark.parametrize(("arguments", "words"), CASES.values(), ids=CASES)
def test_one_line_and_exit_code_2(qimlp, data, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    given = [argument.format(data=data) for argument in arguments or ["train"]]
    done = qimlp(*given)
    assert done.code == 2
    assert done.err.startswith("qimlp: error: ")
    assert done.err.count("\n") == 1
    for word in words:
        assert word in done.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]


def test_unknown_name_in_a_settings_file(qimlp, data, tmp_path):
    file = tmp_path / "given.toml"
    file.write_text("epoch = 3\n")
    done = qimlp("train", data / "good.npz", "--config", file, "--out", tmp_path / "runs")
    assert done.code == 2
    assert f"{file}: unknown setting 'epoch'" in done.err
    assert "'epochs'" in done.err
    assert not (tmp_path / "runs").exists()


def test_a_run_folder_that_exists(qimlp, data, tmp_path):
    command = ["train", data / "good.npz", "--epochs", "1", "--out", tmp_path / "runs"]
    assert qimlp(*command, "--device", "cpu").code == 0
    done = qimlp(*command, "--device", "cpu")
    assert done.code == 2
    for word in ("exists", "--resume", "--out", "--overwrite"):
        assert word in done.err
    assert qimlp(*command, "--device", "cpu", "--overwrite").code == 0


def test_a_loss_that_is_not_finite(qimlp, data, tmp_path):
    done = qimlp(
        *("train", data / "good.npz", "--lr", "1e30", "--schedule", "constant", "--device", "cpu"),
        *("--ema-decay", "off", "--out", tmp_path / "runs"),
    )
    assert done.code == 2
    assert done.err.count("\n") == 1
    assert "smaller learning rate" in done.err


def test_traceback_on_request(qimlp, data):
    done = qimlp("train", data / "none.npz", "--traceback")
    assert done.code == 2
    assert "Traceback (most recent call last)" in done.err
    assert done.err.splitlines()[-1].startswith("qimlp: error: ")


def test_a_missing_library_names_the_extra(tmp_path):
    script = "import sys; sys.modules['typer'] = None; from qimlp.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert 'pip install "qimlp[train]"' in done.stderr


def test_the_module_runs_as_the_command(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "qimlp", "plan", "7", "x"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("qimlp: error: ")


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT cannot be sent to one process there")
def test_ctrl_c_keeps_what_is_done_and_can_be_resumed(qimlp, data, tmp_path):
    out = tmp_path / "runs"
    command = [sys.executable, "-m", "qimlp", "train", str(data / "good.npz"), "--seeds", "0,1"]
    command += ["--epochs", "100000", "--schedule", "constant", "--device", "cpu"]
    process = subprocess.Popen(
        [*command, "--out", str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"},
    )
    run = out / "good-2b" / "seed-0"
    try:
        deadline = time.monotonic() + 120
        while not (run / "metrics.jsonl").exists() and time.monotonic() < deadline:
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130
    assert err.count("\n") == 1
    assert f"qimlp train --resume {run}" in err
    assert f"qimlp train --resume {out}" in err
    assert (run / "last" / "state.safetensors").exists()
    assert qimlp("eval", run, "--device", "cpu").code == 0


def test_a_refused_experiment_leaves_the_plan_of_an_earlier_one(qimlp, data, tmp_path):
    runs = tmp_path / "runs"
    common = ("train", data / "good.npz", "--epochs", "1", "--device", "cpu", "--out", runs)
    assert qimlp(*common).code == 0
    plan = (runs / "experiment.json").read_text()
    done = qimlp(*common, "--model", "mlp", "--captured-step", "on")
    assert done.code == 2
    assert (runs / "experiment.json").read_text() == plan


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pipe that the shell closes")
@pytest.mark.parametrize("arguments", [("plan", "784", "784", "--json"), ("plan", "--help")])
def test_a_closed_standard_output_ends_quietly(arguments):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as closed:
        done = subprocess.run(
            [sys.executable, "-m", "qimlp", *arguments],
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (141, "")
