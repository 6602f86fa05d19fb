"""Two thousand damaged files of runs: each is used as it is, or refused in one line."""

from __future__ import annotations

import os
import re
import resource
import shutil
import signal
import traceback
from pathlib import Path

import numpy as np
import pytest

from qimlp.cli.app import run
from qimlp.files import write_json
from qimlp.settings import read_settings_file, resolve_settings
from qimlp.training import StepsDone, TrainingInterrupted, fit, load_run, read_experiment
from tests.cli.damage import damage
from tests.tiny_runs import write_tiny

INPUTS = int(os.environ.get("QIMLP_FUZZ_INPUTS", "2000"))
FIRST = int(os.environ.get("QIMLP_FUZZ_FIRST", "0"))
PARTS = 4
MOST_SECONDS = 20
TOML = """
data = "{data}"
model = "2b"
rank = 2
bias = "dense"
epochs = 2
batch_size = 10
lr = 0.01
betas = [0.9, 0.99]
dims = "4x4,3x1"
device = "cpu"
"""
# What Python says, and means nothing to a user.
PYTHON = re.compile(
    "object is not|not iterable|unhashable|positional arg|Error|NoneType|unexpected keyword|"
    "not supported between|subscriptable|has no attribute|invalid literal|unpack|__|"
    "could not convert|must be a|indices|codec"
)
# What names the data, the network or the setting in place of the file.
NAMED = re.compile(
    "no data set '|the data '.*' has changed|answers? .*not finite|the loss became|activation: "
    "|dims go from "
)
REFUSED = (ValueError, TypeError, OSError)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A finished and an interrupted run of a tiny network, and a settings file."""
    root = tmp_path_factory.mktemp("made")
    data = write_tiny(root / "tiny.npz")
    (root / "given.toml").write_text(TOML.format(data=data))
    settings = resolve_settings(file=read_settings_file(root / "given.toml"))
    finished = fit(settings, out=root / "finished").folder

    def press(event):
        if isinstance(event, StepsDone) and event.step == 10:
            signal.raise_signal(signal.SIGINT)

    changes = {"log_every": 1, "order": "spectral"}
    with pytest.raises(TrainingInterrupted):
        fit(resolve_settings({**settings.model_dump(), **changes}), out=root / "open",
            on_event=press)  # fmt: skip
    (stopped,) = (root / "open").glob("*/seed-0")
    return {"finished": Path(finished), "stopped": stopped, "toml": root / "given.toml"}


def stored_files(folder):
    return sorted(
        path.relative_to(folder)
        for path in folder.rglob("*")
        if path.is_file() and path.suffix in {".json", ".jsonl", ".safetensors"}
    )


def expire(_number, _frame):
    raise AssertionError(f"still at work after {MOST_SECONDS} s")


@pytest.fixture
def guarded(monkeypatch):
    """No wait for the disk, no network, no input that takes for ever or a gigabyte."""
    monkeypatch.setattr(os, "fsync", lambda _: None)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    before = signal.signal(signal.SIGALRM, expire)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 2**20  # kilobytes


def used(call, *arguments):
    """The one line in which an entry point refuses its input; none where it works."""
    try:
        call(*arguments)
    except REFUSED as error:
        return str(error)
    return ""


def command(capsys, *arguments):
    code = run([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    assert code in {0, 2}
    assert captured.err.count("\n") == (1 if code else 0)
    assert not code or captured.err.startswith("qimlp: error: ")
    assert "not enough memory" not in captured.err
    assert "nan" not in captured.out.lower().split()
    return captured.err.rstrip("\n")


def check(line, folder):
    """One short line that a user understands, and that names what it speaks of."""
    assert len(line) < 500
    assert line.isprintable()
    assert not PYTHON.search(line), line
    assert not line or str(folder) in line or NAMED.search(line), line


def use(made, random, folder, capsys):
    """Damage one file of a copy and do with it what a user would."""
    kind = [*["finished"] * 4, *["stopped"] * 4, "toml", "toml", "plan"][random.integers(11)]
    if kind == "plan":
        runs = [resolve_settings({"data": "digits", "seed": seed}) for seed in (0, 1)]
        plan = {"runs": [settings.model_dump(mode="json") for settings in runs]}
        write_json(folder / "experiment.json", plan)
        damage(folder / "experiment.json", random)
        return used(read_experiment, folder)
    if kind == "toml":
        shutil.copy(made["toml"], folder)
        damage(folder / "given.toml", random)
        file = folder / "given.toml"
        return used(lambda: resolve_settings(file=read_settings_file(file), source=str(file)))
    own = folder / "run"
    shutil.copytree(made[kind], own, ignore=shutil.ignore_patterns("tensorboard", ".lock"))
    files = stored_files(own)
    chosen = files[random.integers(len(files))]
    damage(own / chosen, random)
    if kind == "stopped":
        way = ["resume", "resume", "load"][random.integers(3)]
    else:
        way = ["eval", "predict", "resume", "load"][random.integers(4)]
    if way == "load":
        line = used(load_run, own)
    elif way == "resume":
        line = command(capsys, "train", "--resume", own)
    elif way == "eval":
        line = command(capsys, "eval", own, "--device", "cpu", "--json")
    else:
        rows = folder / "rows.npz"
        np.savez(rows, x=np.ones((3, 4, 4), np.float32))
        line = command(capsys, "predict", own, rows, "--device", "cpu", "--out", folder / "p.csv")
        assert bool(line) != (folder / "p.csv").exists()
    return line


@pytest.mark.parametrize("words", ["eval {}", "predict {} {}/x.csv", "train --resume {}/tiny-2b"])
def test_a_folder_of_runs_is_refused_by_their_names(made, capsys, words):
    folder = made["finished"].parents[1]
    names = ("tiny-2b/seed-0", "seed-0")["resume" in words]
    (network,) = folder.glob("tiny-2b*")
    given = words.replace("tiny-2b", network.name).format(folder, folder).split()
    line = command(capsys, *given)
    expected = f"got a folder of runs: {names.replace('tiny-2b', network.name)}; name one"
    assert line.endswith(expected)


@pytest.mark.parametrize("part", range(PARTS))
def test_every_damaged_file_is_used_or_refused_in_one_line(made, guarded, tmp_path, capsys, part):
    refused, problems = 0, []
    for number in range(FIRST + part, FIRST + INPUTS, PARTS):
        random = np.random.default_rng(number)
        folder = tmp_path / str(number)
        folder.mkdir()
        signal.alarm(MOST_SECONDS)
        try:
            line = use(made, random, folder, capsys)
            check(line, folder)
            refused += bool(line)
        except Exception as error:  # noqa: BLE001 - whatever escapes is what is looked for
            place = traceback.extract_tb(error.__traceback__)[-1]
            what = f"{type(error).__name__}: {str(error)[:300]} at {place.filename}:{place.lineno}"
            problems.append(f"QIMLP_FUZZ_FIRST={number}: {what}")
        signal.alarm(0)
        shutil.rmtree(folder, ignore_errors=True)
    assert not problems, "\n".join(problems)
    assert refused > INPUTS // PARTS // 4
