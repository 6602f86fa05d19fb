"""Run folders whose files call the factors `factors.0`: they go on, and load, as any other."""

import re
import signal

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from qimlp.models import load_pretrained
from qimlp.training import TrainingInterrupted, fit, resume
from qimlp.training.engine.events import StepsDone
from qimlp.training.runs.folder import RunFolder


def press_ctrl_c(event):
    if isinstance(event, StepsDone) and event.step == 13:
        signal.raise_signal(signal.SIGINT)


def make_older(path):
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    tensors = {
        re.sub(r"\.(bias_)?factor_(\d)", r".\1factors.\2", name): value
        for name, value in load_file(path).items()
    }
    assert any(".factors.1" in name for name in tensors)
    metadata.pop("sha256", None)
    save_file(tensors, path, metadata)


@pytest.mark.parametrize("changes", [{}, {"optimizer": "full-matrix"}, {"ema_decay": "off"}])
def test_a_stopped_run_goes_on_bit_by_bit(settings, tmp_path, changes):
    chosen = settings(log_every=1, **changes)
    straight = RunFolder(fit(chosen, out=tmp_path / "straight").folder)
    with pytest.raises(TrainingInterrupted):
        fit(chosen, out=tmp_path / "stopped", on_event=press_ctrl_c)
    folder = RunFolder.of(tmp_path / "stopped", chosen)
    make_older(folder.state_file)
    resume(folder.path)
    runs = straight, folder
    for paths in zip(
        *([run.state_file, run.best / "model.safetensors"] for run in runs), strict=True
    ):
        want, got = map(load_file, paths)
        assert want.keys() == got.keys()
        assert all(torch.equal(value, got[key]) for key, value in want.items())


def test_a_finished_run_is_loaded(settings, tmp_path):
    folder = RunFolder(fit(settings(), out=tmp_path).folder)
    want = load_pretrained(folder.best).state_dict()
    make_older(folder.best / "model.safetensors")
    got = load_pretrained(folder.best).state_dict()
    assert want.keys() == got.keys()
    assert all(torch.equal(value, got[key]) for key, value in want.items())
