"""The program for adapters: what it holds them against, and that wrong results print nothing."""

import json

import pytest
import torch

from benchmarks.adapter import __main__ as adapter
from benchmarks.adapter import peers
from qimlp.bench.timing import Timings

CASE = peers.Case((4, 6), (4, 6))
PAIR = peers.Case((6, 8), (6, 8), low_rank=2, rows=30)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(adapter, "CASES", (CASE, PAIR))


def timed(monkeypatch, ours):
    def interleave(calls, *, rounds, device):
        for call in calls.values():
            call()
        times = dict.fromkeys(calls, 2.0)
        return Timings({name: (times[name],) * rounds for name in calls} | {"qimlp": (ours,) * 3})

    monkeypatch.setattr(adapter, "interleave", interleave)


@pytest.mark.parametrize(("ours", "verdict"), [(2.6, "met"), (2.7, "NOT met")])
def test_time_is_over_the_frozen_layer(monkeypatch, tmp_path, capsys, ours, verdict):
    timed(monkeypatch, ours)
    file = tmp_path / "adapter.json"
    assert adapter.main(["--quick", "--json", str(file)]) == 0
    assert f" at most 1.30x | {verdict} " in capsys.readouterr().out
    whole, pair = json.loads(file.read_text(encoding="utf-8"))["rows"]
    assert whole["over_frozen"]["qimlp"] == ours / 2
    assert (whole["verdict"], pair["verdict"]) == (verdict, "")
    assert whole["kept_bytes"]["qimlp"] == 0


@pytest.mark.parametrize("case", [CASE, PAIR])
def test_every_contestant_computes_the_same(case):
    prepared = peers.prepare(case)
    present = set(prepared.taken) | {
        name for name, why in prepared.left_out.items() if "not installed" in why
    }
    assert present == {peers.FROZEN, *peers.NAMES}


def test_a_wrong_peer_is_left_out_and_a_wrong_adapter_ends_it(monkeypatch, capsys):
    def wrong(case, base, factors):
        return peers.ours(case, base, [2 * factor for factor in factors])

    monkeypatch.setitem(peers.BUILD, peers.PEFT, wrong)
    prepared = peers.prepare(CASE)
    assert "its results are off by" in prepared.left_out[peers.PEFT]
    assert peers.PEFT not in prepared.taken
    monkeypatch.setitem(peers.BUILD, peers.OURS, wrong)
    assert adapter.main(["--quick"]) == 1
    assert "nothing reported: 24x24, 4,096 rows: qimlp is off" in capsys.readouterr().err


def test_only_what_it_measures(capsys):
    with pytest.raises(SystemExit):
        adapter.main(["--dtype", "bfloat16"])
    assert "it measures float32 on the CPU" in capsys.readouterr().err
    assert torch.get_num_threads() == 1
