"""SIGTERM wherever the command is at work: one line, code 143, nothing half-written or lost."""

import os
import re
import subprocess
import sys

import pytest

from qimlp.training import fit, resume
from qimlp.training.runs.folder import RunFolder

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")

SCRIPT = """
import importlib, signal, sys
module, name, call = sys.argv[1], sys.argv[2], int(sys.argv[3])
place = importlib.import_module(module)
*path, last = name.split(".")
for part in path:
    place = getattr(place, part)
real, calls = getattr(place, last), 0

def terminated(*arguments, **named):
    global calls
    calls += 1
    if calls == call:
        signal.raise_signal(signal.SIGTERM)
    return real(*arguments, **named)

setattr(place, last, terminated)
sys.argv = ["qimlp", *sys.argv[4:]]
from qimlp.cli import main
main()
"""
OPTIONS = ("--dims", "4x4,4x4,3x1", "--epochs", "3", "--batch-size", "10", "--device", "cpu")


def terminate(module, name, call, *arguments):
    """Run the command with SIGTERM at the n-th call of a function; hold what it says."""
    words = [str(word) for word in (module, name, call, *arguments)]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 143, done.stderr
    assert done.stderr.startswith("qimlp: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


def unfinished(folder):
    return [path for path in folder.rglob("*") if path.name.endswith("qimlp-tmp")]


def test_while_the_data_is_read(tiny, tmp_path):
    out = tmp_path / "runs"
    said = terminate(
        *("qimlp.data.readers.npz_members", "Archive.read", 1),
        "train",
        tiny,
        *OPTIONS,
        "--out",
        out,
    )
    assert said == "qimlp: ended by SIGTERM\n"
    assert not out.exists()


@pytest.mark.parametrize(
    ("module", "name", "call", "done"),
    [
        # The fourth look at the loss of a start is in its second epoch.
        ("qimlp.training.engine.loop", "_Window.close", 5, "while 2 restarts were compared"),
        ("qimlp.training.engine.trainer", "evaluate", 2, r"after 2 of 3 epochs \(step 16\)"),
        ("qimlp.training.runs.recorder", "save_state", 1, r"after 1 of 3 epochs \(step 8\)"),
    ],
    ids=["restarts", "evaluation", "saving"],
)
def test_while_a_run_is_at_work(settings, tiny, tmp_path, module, name, call, done):
    chosen = settings(restarts=2)
    out = tmp_path / "runs"
    given = (*OPTIONS, "--log-every", 3, "--restarts", 2, "--out", out)
    said = terminate(module, name, call, "train", tiny, *given)
    folder = RunFolder.of(out, chosen)
    resumed = f"resume with: qimlp train --resume {re.escape(str(folder.path))} "
    assert re.match(f"qimlp: interrupted {done}; {resumed}", said), said
    assert not unfinished(out)
    assert resume(folder.path).test == fit(chosen, out=tmp_path / "straight").test


def test_while_the_test_set_is_read(settings, tiny, tmp_path):
    """Nothing is left to do then, so it is done."""
    out = tmp_path / "runs"
    said = terminate(
        *("qimlp.training.engine.trainer", "evaluate", 4), "train", tiny, *OPTIONS, "--out", out
    )
    folder = RunFolder.of(out, settings())
    assert said.startswith(f"qimlp: interrupted; the run {folder.path} is complete")
    assert folder.read_result() is not None


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("qimlp.training.distillation.distill", "_train"),
        ("qimlp.files.write", "write_bytes"),
    ],
)
def test_while_a_model_is_compressed(settings, tmp_path, module, name):
    run = fit(settings(model="mlp", dims=None, width=16), out=tmp_path / "runs")
    out = tmp_path / "small"
    options = ("--ratio", 2, "--distill", 50, "--device", "cpu", "--out", out)
    said = terminate(module, name, 1, "compress", run.folder, *options)
    assert said == "qimlp: ended by SIGTERM\n"
    assert not out.exists()
    assert not unfinished(tmp_path)
