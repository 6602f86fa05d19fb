"""`qimlp bench`: what it prints, writes and refuses. Nothing is timed."""

import json

import pytest
import torch

from qimlp.bench import implementations, layer, training_step
from qimlp.bench.case import square
from qimlp.bench.extra_memory import ExtraMemory
from qimlp.bench.implementations import Contestant
from qimlp.bench.timing import Timings
from qimlp.cli import bench


@pytest.fixture(autouse=True)
def no_clock(monkeypatch):
    """Every result is checked; qimlp takes 1 s, everything else 2 s, memory is 1.25 times."""

    def interleave(calls, *, rounds, device):
        return Timings({name: (1.0 + (name != "qimlp"),) * rounds for name in calls})

    def measure_extra_memory(cases, **_):
        return [ExtraMemory(case.batch, 125, 100) for case in cases]

    for module in (layer, training_step):
        monkeypatch.setattr(module, "interleave", interleave)
    monkeypatch.setattr(bench, "measure_extra_memory", measure_extra_memory)
    monkeypatch.setattr("qimlp.bench.floor.Machine.peak", 1e9)
    monkeypatch.setattr("qimlp.bench.floor.Machine.bandwidth", lambda self, moved: 1e9)


def test_an_own_shape_ends_with_an_answer(qimlp, tmp_path):
    file = tmp_path / "figures.json"
    before = torch.get_num_threads()
    done = qimlp(
        *("bench", "--dims", "4x6,6x3", "--rank", 2, "--batch", 7, "--dtype", "float64"),
        *("--threads", 2, "--quick", "--json", file),
    )
    assert done.code == 0, done.err
    assert done.err == ""
    assert torch.get_num_threads() == before
    assert "4x6->6x3 rank 2, batch 7" in done.out
    assert "Worth it: against nn.Linear(24, 18) at batch 7, forward (prediction) is 2 times" in (
        done.out
    )
    assert "The method taken:" in done.out
    saved = json.loads(file.read_text(encoding="utf-8"))
    assert [row["speedup_over"] for row in saved["layers"]] == [{"nn.Linear": 2.0}] * 2
    assert saved["layers"][1]["extra_peak_over_results"] == 1.25
    assert saved["setting"]["threads"] == 2
    assert saved["setting"]["clock"] == "wall time"
    assert saved["answer"][0].startswith("Worth it")
    assert list(tmp_path.iterdir()) == [file]


def test_widths_take_the_planners_first_choice(qimlp):
    done = qimlp("bench", "--in", 24, "--out", 18, "--factors", 3, "--quick")
    assert done.code == 0, done.err
    assert "2x3x4->" in done.out or "4x3x2->" in done.out or "3x2x4->" in done.out


def test_what_the_planner_remarks_is_told(qimlp):
    done = qimlp("bench", "--in", 13, "--out", 11, "--quick")
    assert done.code == 0, done.err
    assert "Of these bodies the planner says: " in done.out


def test_without_a_layer_the_table_is_shown(qimlp, monkeypatch):
    monkeypatch.setattr(bench, "TABLE", (square(4, 4), square(3, 3, 3)))
    monkeypatch.setattr(bench, "STEPS", bench.STEPS[:1])
    done = qimlp("bench", "--quick")
    assert done.code == 0, done.err
    assert done.out.count("4x4->4x4, batch 50") == done.out.count("3x3x3->3x3x3, batch 50") == 2
    assert "mnist two-body, batch 50" in done.out
    assert "1.25x" in done.out


def test_a_wrong_result_prints_nothing(qimlp, monkeypatch, tmp_path):
    right = implementations.ours

    def wrong(problem):
        made = right(problem)
        return Contestant(lambda: 1.01 * made.forward(), made.leaves)

    monkeypatch.setattr(implementations, "ours", wrong)
    file = tmp_path / "figures.json"
    done = qimlp("bench", "--dims", "4x6,6x3", "--json", file)
    assert done.code == 2
    assert done.out == ""
    assert done.err.startswith("qimlp: error: qimlp is wrong on 4x6->6x3, batch 50, forward")
    assert len(done.err.splitlines()) == 1
    assert not file.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dims", "28x28"], "expected the bodies of input and output"),
        (["--dims", "28x28,ten"], "expected sizes joined by"),
        (["--dims", "4x4,16"], "as many in_dims as out_dims"),
        (["--dims", "4x0,4x4"], "at least 1"),
        (["--dims", "4x4,4x4", "--in", "16"], "leave out --in, --out and --factors"),
        (["--in", "16"], "expected a layer: --in and --out, or --dims"),
        (["--batch", "7"], "expected a layer: --in and --out, or --dims"),
        (["--dims", "4x4,4x4", "--batch", "0"], "--batch: expected at least 1, got 0"),
        (["--dims", "4x4,4x4", "--rank", "0"], "rank: expected an integer of at least 1"),
        (["--dims", "4x4,4x4", "--batch", "99999999999999"], "take a smaller batch"),
        (["--threads", "0"], "--threads: expected 1 to 1024, got 0"),
        (["--dtype", "int8"], "--dtype: expected one of float32"),
        (["--device", "meta"], "--device: expected cpu or cuda, got 'meta'"),
        (["--device", "cuda:99"], "torch finds"),
        (["--json", "no/such/folder/x.json"], "create it first"),
    ],
)
def test_bad_input_ends_with_one_line_and_exit_code_2(qimlp, arguments, message):
    done = qimlp("bench", *arguments)
    assert done.code == 2
    assert done.out == ""
    assert message in done.err
    assert len(done.err.splitlines()) == 1
