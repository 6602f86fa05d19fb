"""The GPU benchmark: what it says without a GPU, and when a row counts as met."""

import pytest
import torch

from benchmarks import gpu
from qimlp.bench.case import BOTH, FORWARD
from qimlp.bench.contestants import LINEAR
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
    row = gpu.Row(gpu.CASES[0], mode, "fused", Timings(samples), share, {})
    assert row.verdict == verdict
    assert len(row.cells()) == len(gpu._HEADER)
