"""The program for microcontrollers: its verdicts, its table, and no table without tools."""

import json

import numpy as np
import pytest
import torch

from benchmarks.export import boards, cortex
from benchmarks.export.boards import Run, Size


def row(flash, weights="i8", instructions=340_000.0):
    costs = Run(np.zeros((2, 10)), np.array([1.0, instructions]), 180)
    return cortex._row(("2b", weights, "M4", "-Os"), Size(flash, 1736), costs)


@pytest.mark.parametrize(
    ("given", "verdict"),
    [
        ({"flash": 5200}, "met"),
        ({"flash": 5201}, "NOT met"),
        ({"flash": 5200, "instructions": 350_001.0}, "NOT met"),
        ({"flash": 3601, "weights": "i4"}, "NOT met"),
        ({"flash": 9999, "weights": "i2"}, ""),
    ],
)
def test_every_wanted_figure_counts(given, verdict):
    assert row(**given)["verdict"] == verdict


def test_the_dearest_image_is_shown_beside_what_is_wanted(monkeypatch, tmp_path, capsys):
    images = torch.zeros(3, 784, dtype=torch.uint8)
    data = type("Data", (), {"train": type("T", (), {"inputs": images})()})
    data.test = data.train
    monkeypatch.setattr(boards, "missing", lambda: None)
    monkeypatch.setattr(cortex, "load", lambda *_, **__: data)
    monkeypatch.setattr(cortex, "measured", lambda *_: [row(5000)])
    file = tmp_path / "cortex.json"
    assert cortex.main(["--runs", "run", "--json", str(file)]) == 0
    assert "| 340,000      | flash 5,200, ram 1,800, stack 256, " in capsys.readouterr().out
    rows = json.loads(file.read_text(encoding="utf-8"))["rows"]
    assert [r["verdict"] for r in rows] == ["met", "met"]  # 8 bits and 4


def test_without_tools_the_reason_is_printed(monkeypatch, capsys):
    monkeypatch.setattr(boards.shutil, "which", lambda tool: None)
    assert cortex.main([]) == 0
    reason = "no arm-none-eabi-gcc, arm-none-eabi-size, qemu-system-arm on the PATH"
    assert capsys.readouterr().out == f"Nothing is measured: {reason}\n"
