"""Which step a run takes, and that a captured one's state goes to disk and back."""

import json

import pytest
import torch

from qimlp.distributed.process_group import ProcessGroup
from qimlp.training import TrainingInterrupted, fit, resume
from qimlp.training.engine import open_step as step
from qimlp.training.recording.state_file import read_state
from qimlp.training.runs.folder import RunFolder
from tests.training.runs.test_resume import PressCtrlC, at_step, tensors


class OnCpu:
    """Stands for `CapturedStep` where there is no CUDA: holds rates as it does, records nothing."""

    made = 0

    def __init__(self, model, optimizer, compute_loss):
        type(self).made += 1
        assert all(parameter.device.type == "cpu" for parameter in model.parameters())
        for group in optimizer.param_groups:
            group["capturable"] = True
            group["lr"] = torch.as_tensor(group["lr"], dtype=torch.float32)
        self.optimizer, self.compute_loss = optimizer, compute_loss

    def __call__(self, inputs, labels):
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.compute_loss(inputs, labels)
        loss.backward()
        self.optimizer.step()
        return loss.detach()


@pytest.fixture
def captured(monkeypatch):
    monkeypatch.setattr(OnCpu, "made", 0)
    monkeypatch.setattr(step, "CapturedStep", OnCpu)
    monkeypatch.setattr(step, "can_capture", lambda processes: processes.size == 1)
    return OnCpu


def test_on_without_cuda_is_one_line_before_anything_is_written(settings, tmp_path):
    with pytest.raises(ValueError, match=r"^captured_step 'on': .* got 1 on cpu; say 'auto'"):
        fit(settings(captured_step="on"), out=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_on_with_several_processes_is_refused(settings):
    processes = ProcessGroup(torch.device("cuda"), size=2)
    chosen = settings(captured_step="on")
    with pytest.raises(ValueError, match="expected one process on a CUDA device, got 2 on cuda"):
        step.check_step(chosen.optimisation, chosen.compute, processes)
    chosen = settings(captured_step="auto")
    step.check_step(chosen.optimisation, chosen.compute, processes)
    assert step.can_capture(ProcessGroup(torch.device("cuda")))


def test_auto_is_the_plain_step_without_cuda(settings, tmp_path):
    one = fit(settings(), out=tmp_path / "off")
    other = fit(settings(captured_step="auto"), out=tmp_path / "auto")
    assert other.test["loss"] == one.test["loss"]


@pytest.mark.parametrize("choice", ["auto", "on"])
def test_a_captured_run_is_the_same_run(settings, tmp_path, captured, choice):
    plain = fit(settings(), out=tmp_path / "off")
    assert captured.made == 0
    result = fit(settings(captured_step=choice), out=tmp_path / choice)
    assert captured.made == 1
    assert result.test["loss"] == pytest.approx(plain.test["loss"], rel=1e-4)  # rates are float32


@pytest.mark.parametrize("schedule", ["one-cycle", "cosine", "constant"])
def test_a_captured_run_goes_on(settings, tmp_path, captured, schedule):
    chosen = settings(captured_step="on", schedule=schedule, log_every=1)
    straight = fit(chosen, out=tmp_path / "straight")
    with pytest.raises(TrainingInterrupted):
        fit(chosen, out=tmp_path / "stopped", on_event=PressCtrlC(at_step(13)))
    folder = RunFolder.of(tmp_path / "stopped", chosen)
    info = read_state(folder.state_file).info
    rates = [group["lr"] for group in info["groups"]]
    assert all(isinstance(rate, float) for rate in rates)
    assert "capturable" not in json.dumps(info)
    resumed = resume(folder.path)
    assert captured.made == 3
    assert resumed.test["loss"] == straight.test["loss"]
    expected, got = tensors(RunFolder(straight.folder)), tensors(folder)
    assert all(torch.equal(expected[name], got[name]) for name in expected)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_gpu_a_captured_run_learns_the_same(settings, tmp_path):
    plain = fit(settings(device="cuda"), out=tmp_path / "off")
    result = fit(settings(device="cuda", captured_step="on"), out=tmp_path / "on")
    assert result.test["loss"] == pytest.approx(plain.test["loss"], rel=1e-2)
