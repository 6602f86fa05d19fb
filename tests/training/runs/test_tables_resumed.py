"""A run on a table: interrupted, continued, and asked again."""

import signal

import numpy as np
import pandas as pd
import pytest
import safetensors.torch
import torch

from qimlp.settings import resolve_settings
from qimlp.training import StepsDone, TrainingInterrupted, fit, load_run, resume
from qimlp.training.runs.folder import RunFolder

NUMBERS = np.random.default_rng(0).normal(size=80).round(4)
FRAME = pd.DataFrame(
    {
        "n": np.where(np.arange(80) % 9 == 4, np.nan, NUMBERS),
        "city": np.array(["Rom", "Oslo", "Lima"])[np.arange(80) % 3],
        "day": pd.date_range("2024-01-01", periods=80).strftime("%d.%m.%Y"),
        "kind": np.array(["low", "high"])[(NUMBERS > 0).astype(int)],
    }
)


@pytest.fixture
def settings(tmp_path):
    FRAME.to_csv(tmp_path / "t.csv", index=False)
    return resolve_settings(
        {
            "data": str(tmp_path / "t.csv"),
            "model": "table",
            "members": 2,
            "steps": 20,
            "epochs": 4,
            "batch_size": 16,
            "dropout": 0.1,
            "log_every": 1,
            "device": "cpu",
        }
    )


def tensors(folder):
    loaded = safetensors.torch.load_file(folder.state_file)
    best = safetensors.torch.load_file(folder.best / "model.safetensors")
    return loaded | {f"kept.{name}": tensor for name, tensor in best.items()}


def test_resumed_equals_uninterrupted(settings, tmp_path):
    straight = fit(settings, out=tmp_path / "straight")

    def press(event):
        if isinstance(event, StepsDone) and event.step == 8:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(TrainingInterrupted):
        fit(settings, out=tmp_path / "stopped", on_event=press)
    folder = RunFolder.of(tmp_path / "stopped", settings)
    resumed = resume(folder.path)
    assert (resumed.dev_curve, resumed.test) == (straight.dev_curve, straight.test)
    kept = tensors(RunFolder(straight.folder))
    assert all(torch.equal(tensor, kept[name]) for name, tensor in tensors(folder).items())
    trained = load_run(folder.path, device="cpu")
    assert trained.evaluate_test().metrics == resumed.test
    assert trained.predictor.label_column == "kind"


def test_a_table_that_has_changed_is_another_one(settings, tmp_path):
    result = fit(settings, out=tmp_path / "runs")
    FRAME.assign(n=NUMBERS).to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(ValueError, match=r"has changed since the run was started"):
        load_run(result.folder, device="cpu").evaluate_test()
