import json

import pytest

from benchmarks.start import __main__ as start


@pytest.fixture
def no_process(monkeypatch):
    taken = {
        "import torch": 1.0,
        "import qimlp": 1.05,
        "qimlp --help": 0.2,
        "qimlp plan 784 10": 1.2,
    }

    def sample(arguments):
        name = next(name for name, program in start.PROGRAMS.items() if program == arguments)
        return taken.get(name, 1.2)

    monkeypatch.setattr(start, "sample", sample)


def test_a_row_for_each_program_with_its_verdict(no_process, tmp_path, capsys):
    assert start.main(["--quick", "--json", str(tmp_path / "start.json")]) == 0
    printed = capsys.readouterr().out
    assert all(f"| {name} " in printed for name in start.PROGRAMS)
    rows = json.loads((tmp_path / "start.json").read_text())["rows"]
    verdicts = {row["program"]: row["verdict"] for row in rows}
    assert verdicts["import qimlp"] == verdicts["qimlp --help"] == "met"
    assert verdicts["qimlp plan 784 10"] == "NOT met"
    assert verdicts["from qimlp import QiMLP, KroneckerLinear"] == "NOT met"
    assert verdicts["import torch"] == ""


def test_a_process_is_timed_and_a_failed_one_is_named():
    assert 0 < start.sample(["-c", "sum(range(10**6))"]) < 10
    with pytest.raises(SystemExit, match="ended with 3"):
        start.sample(["-c", "raise SystemExit(3)"])
