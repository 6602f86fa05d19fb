"""The GPU benchmark: what it says without a GPU, and when a row counts as met."""

from pathlib import Path

import pytest
import torch

from benchmarks.gpu import layers as gpu
from qimlp.bench.case import BOTH, FORWARD
from qimlp.bench.implementations import LINEAR
from qimlp.bench.timing import Timings


def test_without_a_gpu_nothing_is_measured(monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu.main([]) == 0
    assert capsys.readouterr().out == "no CUDA device: not measured\n"


def test_without_triton_nothing_is_measured(monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(gpu.triton_linear, "reason", lambda: "no Triton")
    assert gpu.main([]) == 0
    assert "cannot run (no Triton): not measured" in capsys.readouterr().out


def test_red_tests_report_nothing(monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(gpu.triton_linear, "reason", lambda: "")
    monkeypatch.setattr(gpu.options, "resolve", lambda *_: (torch.device("cuda"), torch.half, 3))
    monkeypatch.setattr(gpu, "tests_pass", lambda: False)
    assert gpu.main([]) == 1
    printed = capsys.readouterr()
    assert not printed.out
    assert "tests fail" in printed.err


@pytest.mark.parametrize(
    ("mode", "linear", "fastkron", "share", "verdict"),
    [
        (FORWARD, 5.1, 2.0, 0.8, "met"),
        (FORWARD, 4.9, 2.0, 0.8, "NOT met"),
        (FORWARD, 5.1, 0.9, 0.8, "NOT met"),
        (FORWARD, 5.1, 2.0, 0.7, "NOT met"),
        (FORWARD, 5.1, None, 0.8, "met"),
        (FORWARD, None, 2.0, 0.8, "not measured"),
        (BOTH, 4.1, 2.0, 0.1, "met"),
        (BOTH, 3.9, 2.0, 0.9, "NOT met"),
    ],
)
def test_verdicts(mode, linear, fastkron, share, verdict):
    seconds = {"qimlp": 1.0, LINEAR: linear, "FastKron": fastkron}
    samples = {name: (value,) * 3 for name, value in seconds.items() if value is not None}
    row = gpu.GpuRow(gpu.CASES[0], torch.bfloat16, mode, "fused", Timings(samples), share, {})
    assert row.verdict == verdict
    assert len(row.cells()) == len(gpu._HEADER)


@pytest.mark.parametrize(
    ("fastkron", "verdict", "wanted"),
    [(1.2, "met", "1x FastKron"), (0.8, "NOT met", "1x FastKron"), (None, "", "-")],
)
def test_float32_is_held_against_fastkron_where_that_runs(fastkron, verdict, wanted):
    seconds = {"qimlp": 1.0, LINEAR: 3.0, "FastKron": fastkron}
    samples = {name: (value,) * 3 for name, value in seconds.items() if value is not None}
    case = gpu.FLOAT32_CASES[0]
    row = gpu.GpuRow(case, torch.float32, FORWARD, "fused", Timings(samples), 0.5, {})
    assert row.verdict == verdict
    assert row.cells()[-2] == wanted


def test_the_tests_that_decide_are_there(monkeypatch):
    """And they are the kernels' own: others must not keep a GPU from being measured."""
    ran = []

    class Done:
        returncode = 0

    monkeypatch.setattr(gpu.subprocess, "run", lambda command, **_: ran.extend(command) or Done)
    assert gpu.tests_pass()
    files = [name for name in map(Path, ran) if name.suffix == ".py"]
    assert len(files) >= 5
    assert all(path.is_file() for path in files)
    assert {path.parent.name for path in files} == {"triton", "steps"}
