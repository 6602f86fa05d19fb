"""Devices and processes, seen from one process; `tests/training/test_processes.py` has several."""

import pytest
import torch
from torch import nn

from qimlp.distributed import ProcessGroup, connect


@pytest.fixture
def no_accelerator(monkeypatch):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    monkeypatch.delenv("WORLD_SIZE", raising=False)


def test_auto_without_an_accelerator_is_the_cpu(no_accelerator):
    assert connect("auto") == ProcessGroup.alone("cpu")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tpu9", "device 'tpu9': expected auto, cpu, cuda, cuda:1, mps or another name of torch's"),
        ("cuda", "device 'cuda' is not available here; available: cpu"),
        ("meta", "device 'meta' is not available here; available: cpu"),
    ],
)
def test_a_device_that_is_not_there_is_one_line(no_accelerator, name, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        connect(name)


def test_a_number_beyond_the_devices(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device("cuda"))
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 2)
    assert connect("cuda:1").device == torch.device("cuda", 1)
    with pytest.raises(ValueError, match="device 'cuda:2': this machine has 2, numbered from 0"):
        connect("cuda:2")
    with pytest.raises(ValueError, match="'mps' is not available here; available: cpu, cuda"):
        connect("mps")


def test_one_process_agrees_with_itself():
    alone = ProcessGroup.alone()
    values = torch.arange(3.0)
    assert alone.is_main
    assert alone.sum(values) is values
    assert (alone.any(True), alone.any(False)) == (True, False)
    assert alone.gather(values).tolist() == [[0.0, 1.0, 2.0]]
    model = nn.Linear(2, 2)
    assert alone.wrap(model) is model


def test_autocast_can_be_entered_again():
    alone, x = ProcessGroup.alone(), torch.ones(2, 2)
    for precision, dtype in (("no", torch.float32), ("bf16", torch.bfloat16)):
        context = alone.autocast(precision)
        for _ in range(2):
            with context:
                assert (x @ x).dtype == dtype


@pytest.mark.parametrize("text", ["two", "", "-1", "1e9", "٣"])
def test_a_launcher_s_number_that_is_none_is_one_line(no_accelerator, monkeypatch, text):
    monkeypatch.setenv("WORLD_SIZE", text)
    with pytest.raises(ValueError, match="^WORLD_SIZE: expected a number, as a launcher sets it"):
        connect("cpu")
