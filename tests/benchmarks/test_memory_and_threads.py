"""The memory and thread programs: what counts as met, and that wrong results print nothing."""

import json

import pytest
import torch

from benchmarks import memory, threads
from qimlp.bench import extra_memory
from qimlp.bench.case import square
from qimlp.bench.extra_memory import ExtraMemory
from qimlp.bench.implementations import Contestant, ours
from qimlp.bench.timing import Timings

CASE = square(4, 4, batch=8)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(memory, "_CASES", (CASE,))
    monkeypatch.setattr(threads, "THREADED", (CASE,))


@pytest.mark.parametrize(
    ("extra", "verdict"),
    [
        (ExtraMemory(8, 150, 100), "met"),
        (ExtraMemory(8, 151, 100), "NOT met"),
        (None, "not measured: the system does not tell"),
    ],
)
def test_memory_is_held_against_the_results(monkeypatch, tmp_path, capsys, extra, verdict):
    monkeypatch.setattr(memory, "measure_extra_memory", lambda cases, **_: [extra] * len(cases))
    file = tmp_path / "memory.json"
    assert memory.main(["--json", str(file)]) == 0
    assert f" {verdict} " in capsys.readouterr().out
    assert json.loads(file.read_text(encoding="utf-8"))["rows"][0]["verdict"] == verdict


def test_a_small_batch_is_measured_with_more_rows():
    large = extra_memory._large_enough(CASE, 4)
    assert large.batch * 32 * 4 >= extra_memory._LEAST_BYTES > (large.batch - 1) * 32 * 4
    assert extra_memory._large_enough(large, 4) == large


@pytest.mark.parametrize(("two", "verdict"), [(1.0, "met"), (1.3, "NOT met")])
def test_two_threads_are_held_against_one(monkeypatch, capsys, two, verdict):
    ran_on = set()

    def interleave(calls, *, rounds, device, measure):
        for call in calls.values():
            call()
            ran_on.add(torch.get_num_threads())
        return Timings({"one thread": (2.0,) * rounds, "two threads": (two,) * rounds})

    monkeypatch.setattr(threads, "interleave", interleave)
    assert threads.main(["--quick"]) == 0
    printed = capsys.readouterr().out
    assert printed.count(f"| {verdict} ") == 2
    assert "load before" in printed
    assert "clock wall time" in printed
    assert ran_on == {1, 2}
    assert torch.get_num_threads() == 1


@pytest.mark.parametrize("program", [memory, threads])
def test_a_wrong_layer_is_not_reported(monkeypatch, capsys, program):
    def wrong(problem):
        right = ours(problem)
        return Contestant(lambda: 2 * right.forward(), right.leaves)

    monkeypatch.setattr(program, "ours", wrong)
    assert program.main(["--quick"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("nothing reported: qimlp is wrong on 4x4->4x4, batch 8")


def test_threads_are_those_of_the_cpu(monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    with pytest.raises(SystemExit) as ended:
        threads.main(["--device", "cuda"])
    assert ended.value.code == 2
    assert "threads are those of the CPU" in capsys.readouterr().err
