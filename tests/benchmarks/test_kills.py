"""Trainings that are killed: three of them, and what the program compares."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import safetensors.torch

from benchmarks.kills.outcome import outcome
from qimlp.training import fit
from qimlp.training.runs.folder import RunFolder

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


def test_three_killed_runs_end_as_if_they_had_not_been():
    command = [sys.executable, "-m", "benchmarks.kills", "--kills", "3", "--seed", "5"]
    done = subprocess.run(
        [*command, "--scenarios", "table", "experiment", "checkpoints"],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("1 kills of 1 runs") == 3
    assert done.stdout.count("1 runs ended as without a kill") == 3


def test_two_runs_leave_the_same_whatever_the_clock_says(settings, tmp_path):
    chosen = settings(keep_last=2)
    for name in ("one", "two"):
        fit(chosen, out=tmp_path / name)
    one, two = (outcome(tmp_path / name) for name in ("one", "two"))
    run = next(name for name in one if name.endswith("settings.json")).rpartition("/")[0]
    kept = {name.removeprefix(f"{run}/") for name in one if "checkpoints" in name}
    assert kept == {
        f"checkpoints/epoch-{n:04d}/{file}"
        for n in (2, 3)
        for file in ("config.json", "model.safetensors")
    }
    differing = {name for name in one.keys() | two.keys() if one.get(name) != two.get(name)}
    assert differing == {f"{run}/result.json"}  # it names its folder


@pytest.mark.parametrize("file", ["best/model.safetensors", "last/state.safetensors"])
def test_one_bit_of_a_weight_is_seen(settings, tmp_path, file):
    runs = RunFolder(fit(settings(), out=tmp_path / "runs").folder).path.parents[1]
    before = outcome(runs)
    (path,) = runs.glob(f"*/*/{file}")
    with safetensors.safe_open(path, framework="pt") as opened:
        metadata = opened.metadata()
    weights = safetensors.torch.load_file(path)
    name = sorted(name for name in weights if "factor" in name)[0]
    weights[name].view(-1)[0] = weights[name].view(-1)[0].nextafter(weights[name].new_tensor(9))
    safetensors.torch.save_file(weights, path, metadata)
    after = outcome(runs)
    assert [name for name in before if before[name] != after[name]] == [
        path.relative_to(runs).as_posix()
    ]


@pytest.mark.parametrize("line", [0, 2])
def test_another_number_of_an_epoch_is_seen(settings, tmp_path, line):
    runs = RunFolder(fit(settings(), out=tmp_path / "runs").folder).path.parents[1]
    before = outcome(runs)
    (path,) = runs.glob("*/*/metrics.jsonl")
    lines = path.read_text().splitlines()
    lines[line] = lines[line].replace('"lr": 0.00', '"lr": 0.01').replace("e-05", "e-06")
    path.write_text("\n".join(lines) + "\n")
    assert outcome(runs) != before


def test_what_is_half_written_is_refused(settings, tmp_path):
    run = RunFolder(fit(settings(), out=tmp_path / "runs").folder).path
    (run.parent / ".seed-1.0123456789abcdef.qimlp-tmp").mkdir()  # the next start removes it
    outcome(tmp_path / "runs")
    (run / ".result.json.0123456789abcdef.qimlp-tmp").touch()
    with pytest.raises(ValueError, match="is half-written"):
        outcome(tmp_path / "runs")
