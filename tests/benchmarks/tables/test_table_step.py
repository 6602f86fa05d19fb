"""The program that times a step of the network for tables."""

import json

import pytest
import torch

from benchmarks.table_step import __main__ as table_step
from benchmarks.table_step.cases import CASES, Case
from qimlp.bench.timing import Timings
from qimlp.ops.tables import layers
from tests.ops.native_here import kernel  # noqa: F401


@pytest.fixture
def no_clock(monkeypatch):
    """Everything runs once; the kernel takes 1 s, the definition 2 s."""

    def interleave(calls, *, rounds, device):
        for call in calls.values():
            call()
        return Timings({name: (1.0 + (name != "kernel"),) * rounds for name in calls})

    monkeypatch.setattr(table_step, "interleave", interleave)


@pytest.mark.usefixtures("kernel", "no_clock")
def test_parts_are_timed_by_the_kernel_and_by_the_definition(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(table_step, "CASES", CASES[:1])
    assert table_step.main(["--quick", "--json", str(tmp_path / "out.json")]) == 0
    assert "| 32 x 10        | step" in capsys.readouterr().out
    rows = json.loads((tmp_path / "out.json").read_text())["rows"]
    assert [row["part"] for row in rows][-2:] == ["step", "answers"]
    assert {row["speedup"] for row in rows} == {2.0}
    assert layers._FUSED


def test_a_case_has_numbers_then_codes():
    rows = Case(50, 2, (3,)).rows()
    assert rows.shape == (50, 3)
    assert set(rows[:, 2].tolist()) == {0.0, 1.0, 2.0, 3.0}
    assert torch.equal(rows, Case(50, 2, (3,)).rows())


@pytest.mark.usefixtures("kernel")
def test_other_devices_and_dtypes_are_refused(capsys):
    with pytest.raises(SystemExit):
        table_step.main(["--dtype", "float64"])
    assert "expected --device cpu and --dtype float32" in capsys.readouterr().err
