"""Interrupting a run and going on, bit by bit as if it had never stopped."""

import json
import signal

import numpy as np
import pytest
import safetensors.torch
import torch

from qimlp.training import EpochDone, StepsDone, TrainingInterrupted, fit, load_run, resume
from qimlp.training.runs.folder import RunFolder

REFUSED = (
    "do not agree with the run's settings and data|is damaged|unknown key|is missing"
    "|valid (string|list|integer)"
)


class PressCtrlC:
    """Sends SIGINT when a run reaches a step or an epoch."""

    def __init__(self, at):
        self.at = at

    def __call__(self, event):
        if self.at(event):
            signal.raise_signal(signal.SIGINT)


def at_step(step):
    return lambda event: isinstance(event, StepsDone) and event.step == step


def at_epoch(epoch):
    return lambda event: isinstance(event, EpochDone) and event.epoch == epoch


def tensors(folder):
    loaded = safetensors.torch.load_file(folder.state_file)
    best = safetensors.torch.load_file(folder.best / "model.safetensors")
    return loaded | {f"kept.{name}": tensor for name, tensor in best.items()}


NETWORKS = {
    "2b": {},
    "mlp with dropout": {"model": "mlp", "dropout": 0.5},
    "no average, cosine": {"ema_decay": "off", "schedule": "cosine", "weight_decay": 0.1},
    "full-matrix": {"optimizer": "full-matrix"},
    "constant": {"schedule": "constant", "factor_lr_scale": 1.0},
}


@pytest.mark.parametrize("changes", NETWORKS.values(), ids=NETWORKS)
@pytest.mark.parametrize("moment", [at_step(1), at_step(13), at_epoch(1), at_epoch(3)])
def test_resumed_equals_uninterrupted(settings, tmp_path, changes, moment):
    chosen = settings(log_every=1, **changes)
    straight = fit(chosen, out=tmp_path / "straight")
    with pytest.raises(TrainingInterrupted, match="qimlp train --resume"):
        fit(chosen, out=tmp_path / "stopped", on_event=PressCtrlC(moment))
    folder = RunFolder.of(tmp_path / "stopped", chosen)
    assert folder.read_result() is None
    resumed = resume(folder.path)

    expected, got = tensors(RunFolder(straight.folder)), tensors(folder)
    assert set(expected) == set(got)
    assert len(expected) > 20
    for name, tensor in expected.items():
        assert torch.equal(tensor, got[name]), name
    assert resumed.dev_curve == straight.dev_curve
    assert resumed.test["loss"] == straight.test["loss"]
    metrics = RunFolder(straight.folder).metrics_file.read_text()
    assert folder.metrics_file.read_text() == metrics


def test_the_signal_handler_is_put_back(settings, tmp_path):
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(TrainingInterrupted):
        fit(settings(log_every=1), out=tmp_path, on_event=PressCtrlC(at_step(2)))
    assert signal.getsignal(signal.SIGINT) is before


def test_a_second_ctrl_c_stops_at_once(settings, tmp_path):
    def press_twice(event):
        if isinstance(event, StepsDone):
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt) as caught:
        fit(settings(log_every=1), out=tmp_path, on_event=press_twice)
    assert not isinstance(caught.value, TrainingInterrupted)


@pytest.fixture
def stopped(settings, tmp_path):
    chosen = settings(log_every=1)
    with pytest.raises(TrainingInterrupted):
        fit(chosen, out=tmp_path / "runs", on_event=PressCtrlC(at_step(10)))
    folder = RunFolder.of(tmp_path / "runs", chosen)
    folder.state_file.with_name("previous.safetensors").unlink()  # for that see test_state_file
    return folder


@pytest.mark.parametrize("kept", [0, 7, 300, -1])
def test_a_truncated_state_is_one_line(stopped, kept):
    content = stopped.state_file.read_bytes()
    stopped.state_file.write_bytes(content[:kept])
    with pytest.raises(ValueError, match="truncated or damaged") as caught:
        resume(stopped.path)
    assert str(stopped.state_file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_another_safetensors_file_is_no_state(stopped):
    safetensors.torch.save_file({"x": torch.zeros(2)}, stopped.state_file)
    with pytest.raises(ValueError, match="expected a state of format"):
        resume(stopped.path)


def test_a_state_of_another_network_is_refused(stopped, settings, tmp_path):
    other = settings(log_every=1, dims="4x4,3x1")
    with pytest.raises(TrainingInterrupted):
        fit(other, out=tmp_path / "other", on_event=PressCtrlC(at_step(10)))
    state = RunFolder.of(tmp_path / "other", other).state_file
    stopped.state_file.write_bytes(state.read_bytes())
    with pytest.raises(ValueError, match=r"trained with other settings \(dims\)") as caught:
        resume(stopped.path)
    assert "\n" not in str(caught.value)


def test_changed_data_is_refused(stopped, tiny):
    arrays = dict(np.load(tiny))
    arrays["x_train"][3, 1, 2] += 1
    np.savez(tiny, **arrays)
    with pytest.raises(ValueError, match="has changed since the run was started"):
        resume(stopped.path)


def test_what_is_no_run_cannot_be_resumed(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected a run folder"):
        resume(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError, match="is no run folder: expected settings.json in it"):
        resume(tmp_path)


def test_damaged_settings_of_a_run(stopped):
    stopped.settings_file.write_text('{"epochs": ')
    with pytest.raises(ValueError, match="not valid JSON"):
        resume(stopped.path)


@pytest.mark.parametrize(
    ("name", "value"),
    [("scaling", "none"), ("order", "patches"), ("seed", 5), ("lr", 0.5), ("epochs", 9)],
)
def test_a_run_goes_on_with_its_own_settings_only(stopped, name, value):
    values = json.loads(stopped.settings_file.read_text())
    stopped.settings_file.write_text(json.dumps({**values, name: value}))
    with pytest.raises(ValueError, match="do not agree with|trained with other settings") as caught:
        resume(stopped.path)
    assert "--overwrite" in str(caught.value)
    stopped.settings_file.write_text(json.dumps({**values, "log_every": 7}))
    assert resume(stopped.path).best_epoch >= 1


@pytest.mark.parametrize(
    "changes",
    [
        {"order": "spectral"},
        {"order": "nearest", "start": "ridge", "dims": "4x4,3x1", "bias": "dense"},
    ],
)
def test_a_run_keeps_its_order_where_another_would_be_learned(
    settings, tmp_path, monkeypatch, changes
):
    """Among features that are alike the order depends on the machine and its threads."""
    chosen = settings(log_every=1, **changes)
    straight = fit(chosen, out=tmp_path / "straight")
    with pytest.raises(TrainingInterrupted):
        fit(chosen, out=tmp_path / "stopped", on_event=PressCtrlC(at_epoch(1)))

    def learn_otherwise(*_):
        return torch.arange(16).flip(0)

    monkeypatch.setattr("qimlp.predictor.features.learned_order", learn_otherwise)
    folder = RunFolder.of(tmp_path / "stopped", chosen)
    resumed = resume(folder.path)
    assert resumed.test["accuracy"] == straight.test["accuracy"]
    kept = tensors(RunFolder(straight.folder))
    assert all(torch.equal(tensor, kept[name]) for name, tensor in tensors(folder).items())
    assert load_run(folder.path, device="cpu").evaluate_test().accuracy == resumed.test["accuracy"]


@pytest.mark.parametrize("order", [[0, 0, *range(2, 16)], [*range(15)], "0", [None] * 16])
def test_what_is_no_order_is_refused(settings, tmp_path, order):
    chosen = settings(log_every=1, order="spectral")
    with pytest.raises(TrainingInterrupted):
        fit(chosen, out=tmp_path / "stopped", on_event=PressCtrlC(at_epoch(1)))
    folder = RunFolder.of(tmp_path / "stopped", chosen)
    values = json.loads(folder.preprocess_file.read_text())
    folder.preprocess_file.write_text(json.dumps({**values, "features": {"order": order}}))
    with pytest.raises(
        ValueError,
        match=REFUSED,
    ):
        resume(folder.path)


@pytest.mark.parametrize("change", [{"class_names": ["a"]}, {"fingerprint": 5}, None])
def test_a_damaged_preparation_is_refused(stopped, change):
    values = json.loads(stopped.preprocess_file.read_text())
    damaged = {} if change is None else {**values, **change}
    stopped.preprocess_file.write_text(json.dumps(damaged))
    with pytest.raises(
        ValueError,
        match=REFUSED,
    ):
        resume(stopped.path)


@pytest.mark.parametrize("lost", ["loss_sum", "random.cpu", "best.", "model.", "optimizer."])
def test_a_state_without_a_part_is_refused_in_one_line(settings, tmp_path, lost):
    chosen = settings(log_every=1)
    with pytest.raises(TrainingInterrupted):
        fit(chosen, out=tmp_path / "runs", on_event=PressCtrlC(at_epoch(2)))
    folder = RunFolder.of(tmp_path / "runs", chosen)
    with safetensors.safe_open(folder.state_file, framework="pt") as file:
        metadata = file.metadata()
        kept = {k: file.get_tensor(k) for k in file.keys() if not k.startswith(lost)}  # noqa: SIM118
    del metadata["sha256"]  # as an earlier version wrote it
    safetensors.torch.save_file(kept, folder.state_file, metadata)
    folder.state_file.with_name("previous.safetensors").unlink()
    with pytest.raises(ValueError, match="is damaged") as caught:
        resume(folder.path)
    assert "\n" not in str(caught.value)
    assert not folder.result_file.exists()


def test_lost_best_weights_are_written_again(settings, tmp_path):
    chosen = settings(log_every=1)
    with pytest.raises(TrainingInterrupted):
        fit(chosen, out=tmp_path / "runs", on_event=PressCtrlC(at_epoch(2)))
    folder = RunFolder.of(tmp_path / "runs", chosen)
    for file in folder.best.iterdir():
        file.unlink()
    resume(folder.path)
    assert (folder.best / "model.safetensors").is_file()
