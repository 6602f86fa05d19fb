"""The state on disk: found damaged where it is, kept twice, and what a kill left is removed."""

import json
import os
import re
from contextlib import suppress

import numpy as np
import pytest
import safetensors.torch
import torch

from qimlp.files import temporary_beside
from qimlp.training import RunStarted, TrainingInterrupted, fit, load_run, resume
from qimlp.training.recording import state_file
from qimlp.training.recording.state_file import find_state, read_state, write_state
from qimlp.training.runs.folder import RunFolder
from tests.training.runs.test_resume import PressCtrlC, at_step, tensors

TENSORS = {
    "model.a": torch.arange(6.0).reshape(2, 3),
    "model.b": torch.ones((), dtype=torch.bfloat16),
    "best.a": torch.zeros(0),
    "random.cpu": torch.arange(8, dtype=torch.uint8),
}
INFO = {
    "fingerprint": "é", "settings": {}, "step": 3, "epochs": [], "window_seconds": [0.5],
    "groups": [], "schedule": None,
}  # fmt: skip


@pytest.fixture
def file(tmp_path):
    write_state(tmp_path / "state.safetensors", TENSORS, INFO)
    return tmp_path / "state.safetensors"


def previous(file):
    return file.with_name("previous.safetensors")


def rewrite(file, *, metadata=(), **changes):
    """Write tensors and metadata as a program of somebody else might."""
    with safetensors.safe_open(file, framework="pt") as stored:
        known = stored.metadata() | dict(metadata)
    own = {name: value for name, value in known.items() if value is not None}
    safetensors.torch.save_file(TENSORS | changes, file, own)


def test_a_state_comes_back_as_written(file):
    state = read_state(file)
    assert state.info == INFO
    assert state.tensors.keys() == TENSORS.keys()
    assert all(torch.equal(state.tensors[name], tensor) for name, tensor in TENSORS.items())


def test_every_flipped_bit_is_found(file):
    content = file.read_bytes()
    chosen = np.random.default_rng(0)
    refused = 0
    for _ in range(300):
        damaged = bytearray(content)
        damaged[chosen.integers(len(content))] ^= 1 << int(chosen.integers(8))
        file.write_bytes(damaged)
        with suppress(ValueError):
            state = read_state(file)  # a blank of the header became another, or the like
            assert state.info == INFO
            assert all(torch.equal(state.tensors[name], TENSORS[name]) for name in TENSORS)
            continue
        refused += 1
    assert refused > 290


def test_a_state_of_an_earlier_version_has_no_checksum_and_is_read(file):
    rewrite(file, metadata={"sha256": None})
    assert read_state(file).info == INFO


@pytest.mark.parametrize("name", ["model.a", "best.a"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(file, name, value):
    rewrite(file, metadata={"sha256": None}, **{name: torch.full((2, 3), value)})
    with pytest.raises(ValueError, match=f"{name} holds numbers that are not finite"):
        read_state(file)


@pytest.mark.parametrize(
    ("info", "text"),
    [
        ("", "not valid JSON"),
        ("[" * 10**5, "at most 64 lists inside each other"),
        (json.dumps({**INFO, "step": -1}), "step: expected greater than or equal to 0, got -1"),
        (json.dumps({**INFO, "step": 1e30}), "step: expected a valid integer"),
        (json.dumps({**INFO, "epochs": [1]}), r"epochs\.0: expected a valid dictionary, got 1"),
        (json.dumps({}), r"fingerprint is missing \(and 6 more\)"),
        (json.dumps([]), r"state.safetensors: expected a valid dictionary"),
    ],
)
def test_metadata_of_another_form_is_refused(file, info, text):
    rewrite(file, metadata={"sha256": None, "info": info})
    with pytest.raises(ValueError, match=text):
        read_state(file)


def test_a_pipe_in_place_of_a_state_does_not_block(file):
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(OSError, match="is a pipe"):
        read_state(file)


def test_what_the_disk_holds_is_kept_until_it_holds_the_next(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(state_file, "sync_file", lambda path: synced.append("earlier"))
    real = state_file.write_bytes

    def write(path, content, *, durable):
        synced.append(durable)
        real(path, content, durable=durable)

    monkeypatch.setattr(state_file, "write_bytes", write)
    file = tmp_path / "state.safetensors"
    for step in range(4):
        write_state(file, TENSORS, {**INFO, "step": step})
    assert synced == [True, "earlier", True, False, False]  # one wait in some seconds
    assert read_state(file).info["step"] == 3
    assert read_state(previous(file)).info["step"] == 0
    os.utime(previous(file), (0, 0))
    write_state(file, TENSORS, {**INFO, "step": 4})
    assert synced[5:] == ["earlier", True]
    assert read_state(previous(file)).info["step"] == 3


def test_short_epochs_hardly_ever_wait_for_the_disk(settings, tmp_path, monkeypatch):
    waits = []
    real = os.fsync

    def fsync(number):
        waits.append(number)
        real(number)

    monkeypatch.setattr(os, "fsync", fsync)
    fit(settings(epochs=3), out=tmp_path / "short")
    short = len(waits)
    fit(settings(epochs=30), out=tmp_path / "long")
    assert len(waits) - short - short <= 9  # where a slow machine takes more than some seconds


def test_a_disk_without_second_names_keeps_both_states_too(file, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    write_state(file, TENSORS, {**INFO, "step": 4})
    assert read_state(file).info["step"] == 4
    assert read_state(previous(file)).info["step"] == 3
    file.unlink()  # a power cut between the two renames
    assert find_state(file).info["step"] == 3


def test_no_state_at_all_is_none(tmp_path):
    assert find_state(tmp_path / "state.safetensors") is None


@pytest.mark.parametrize("damage", [b"", b"\0" * 1000, None])
def test_a_run_goes_on_from_the_earlier_state_and_says_so(settings, tmp_path, damage):
    chosen = settings(log_every=1)
    straight = fit(chosen, out=tmp_path / "straight")
    with pytest.raises(TrainingInterrupted):
        fit(chosen, out=tmp_path / "stopped", on_event=PressCtrlC(at_step(13)))
    folder = RunFolder.of(tmp_path / "stopped", chosen)
    content = folder.state_file.read_bytes()
    folder.state_file.write_bytes(content[:-1] if damage is None else damage)
    events = []
    resumed = resume(folder.path, on_event=events.append)
    note = f"{folder.state_file} is damaged: going on from the state before it, step 8"
    assert [event.notes for event in events if isinstance(event, RunStarted)] == [(note,)]
    assert resumed.dev_curve == straight.dev_curve
    expected, got = tensors(RunFolder(straight.folder)), tensors(folder)
    assert all(torch.equal(tensor, got[name]) for name, tensor in expected.items())


def test_two_damaged_states_are_one_line(settings, tmp_path):
    chosen = settings(log_every=1)
    with pytest.raises(TrainingInterrupted):
        fit(chosen, out=tmp_path, on_event=PressCtrlC(at_step(13)))
    folder = RunFolder.of(tmp_path, chosen)
    for file in (folder.state_file, previous(folder.state_file)):
        file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ValueError, match="truncated or damaged; start the run again") as caught:
        resume(folder.path)
    assert str(folder.state_file) in str(caught.value)


def test_what_a_kill_left_is_removed_at_the_next_start(settings, tmp_path):
    chosen = settings(log_every=1)
    with pytest.raises(TrainingInterrupted):
        fit(chosen, out=tmp_path, on_event=PressCtrlC(at_step(13)))
    folder = RunFolder.of(tmp_path, chosen)
    temporary_beside(folder.state_file).write_text("half")
    temporary_beside(folder.metrics_file).write_text("half")
    beside = temporary_beside(folder.path)
    beside.mkdir()
    resume(folder.path)
    assert [path.name for path in folder.path.rglob("*.qimlp-tmp")] == []
    assert beside.exists()  # it may be another process's, at work
    os.utime(beside, (0, 0))
    fit(chosen, out=tmp_path, overwrite=True)
    assert not beside.exists()


def test_a_folder_of_runs_is_refused_by_their_names(settings, tmp_path):
    for seed in range(6):
        fit(settings(seed=seed, epochs=1), out=tmp_path / "runs")
    runs = tmp_path / "runs"
    names = ", ".join(f"seed-{seed}" for seed in range(4))
    (folder,) = runs.iterdir()
    text = f"{folder}: expected a run folder, got a folder of runs: {names} and 2 more; name one"
    for call in (resume, load_run):
        with pytest.raises(FileNotFoundError, match=re.escape(text)):
            call(folder)
    with pytest.raises(FileNotFoundError, match=f"runs: {folder.name}/seed-0, "):
        load_run(runs)
    with pytest.raises(NotADirectoryError, match="npz is a file: expected a run folder"):
        load_run(tmp_path / "tiny.npz")


def test_a_stored_result_and_epochs_have_a_schema(settings, tmp_path):
    folder = RunFolder(fit(settings(), out=tmp_path).folder)
    assert set(folder.read_versions()) == {"qimlp", "python", "torch", "platform"}
    result = json.loads(folder.result_file.read_text())
    for change, text in [
        ({"parameters": 0}, "parameters and best_epoch of at least 1"),
        ({"parameters": None}, "parameters: expected a valid integer, got None"),
        ({"dims": [["x"]]}, "dims.0.0: expected a valid integer"),
        ({"task": "sorting"}, "expected a task of classification, multi-label, regression"),
        ({"test": {"loss": 0.5}}, "and its metrics in dev and test"),
        ({"dev": {}}, "and its metrics in dev and test"),
        ({"memory": 5}, "memory: expected a valid dictionary, got 5"),
        ({"dev_curve": "\x1b[2J" * 1000}, "dev_curve: expected a valid list, got '\\\\x1b"),
    ]:
        folder.result_file.write_text(json.dumps({**result, **change}))
        with pytest.raises(ValueError, match=f"result.json: .*{text}") as caught:
            folder.read_result()
        assert len(str(caught.value)) < 500
    folder.metrics_file.write_text('{"epoch": "one"}\n')
    with pytest.raises(ValueError, match=r"metrics.jsonl: 0\.epoch"):
        folder.read_metrics()
    folder.versions_file.write_text('{"torch": 2}')
    with pytest.raises(ValueError, match=r"versions.json: torch: expected a valid string, got 2"):
        folder.read_versions()
