"""The price of a call: what counts as met, and that wrong results print nothing."""

import json

import pytest

from benchmarks import calls
from qimlp.bench.case import square
from qimlp.bench.implementations import Contestant
from qimlp.bench.timing import Timings
from qimlp.ops import native
from tests.ops.native_here import needs_kernel


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(calls, "CASES", (square(4, 4, batch=1),))


def timed(operator):
    def interleave(given, *, rounds, device):
        assert set(given) == set(calls._NAMES)
        for call in given.values():
            call()
        found = dict.fromkeys(given, (2.0,) * rounds)
        return Timings(found | {calls.OPERATOR: (operator,) * rounds})

    return interleave


@pytest.mark.parametrize(("operator", "verdict"), [(3.0, "met"), (3.1, "NOT met")])
def test_the_operator_is_held_against_f_linear(monkeypatch, tmp_path, capsys, operator, verdict):
    needs_kernel()
    monkeypatch.setattr(calls, "interleave", timed(operator))
    file = tmp_path / "calls.json"
    assert calls.main(["--quick", "--json", str(file)]) == 0
    assert capsys.readouterr().out.count(f"| {verdict} ") == 2
    rows = json.loads(file.read_text(encoding="utf-8"))["rows"]
    assert [row["verdict"] for row in rows] == [verdict, verdict, ""]
    assert rows[0]["over_f_linear"] == pytest.approx(operator / 2)


def test_a_wrong_result_prints_nothing(monkeypatch, capsys):
    needs_kernel()
    right = calls.contestants

    def wrong(problem):
        taken = right(problem)
        operator = taken[calls.OPERATOR]
        spoiled = Contestant(lambda: operator.forward() * 1.01, operator.leaves)
        return {**taken, calls.OPERATOR: spoiled}

    monkeypatch.setattr(calls, "contestants", wrong)
    assert calls.main(["--quick"]) == 1
    printed = capsys.readouterr()
    assert not printed.out
    assert "operator is wrong on 4x4->4x4, batch 1" in printed.err


def test_without_the_kernel_nothing_is_measured(monkeypatch, capsys):
    monkeypatch.setattr(native, "_ABSENT", "no kernel here")
    assert calls.main([]) == 0
    assert capsys.readouterr().out == "no kernel here: not measured\n"


def test_other_devices_are_refused(monkeypatch, capsys):
    monkeypatch.setattr(calls.options.torch.cuda, "is_available", lambda: True)
    with pytest.raises(SystemExit) as stopped:
        calls.main(["--device", "cuda"])
    assert stopped.value.code == 2
    assert "the operator timed is that of the CPU" in capsys.readouterr().err
