import json

import pytest
import torch

from benchmarks.nearest import __main__ as program
from benchmarks.nearest.cases import large
from qimlp.functional import nearest_kronecker

pytest.importorskip("scipy")
pytest.importorskip("tensorly")


@pytest.mark.parametrize("spectrum", ["flat", "decaying"])
def test_the_least_error_is_the_one_of_the_full_decomposition(spectrum):
    weight, least = large(spectrum, 4, 3, full=True)
    assert weight.shape == (16, 16)
    assert weight.dtype == torch.float32
    error = float(nearest_kronecker(weight, (4, 4), (4, 4), 3)[1])
    assert error == pytest.approx(least, rel=1e-5)


def test_it_prints_times_and_counts_and_writes_them(tmp_path, capsys):
    file = tmp_path / "nearest.json"
    small = ["--side", "4", "--rank", "2", "--rounds", "1", "--cases", "4"]
    assert program.main([*small, "--json", str(file)]) == 0
    printed = capsys.readouterr().out
    assert "16 x 16, rank 2, flat" in printed
    assert "not measured" in printed
    assert printed.count("| 4 of 4") >= 3
    rows = json.loads(file.read_text())["rows"]
    assert [row["above"] for row in rows[:2]] == [None, pytest.approx(0, abs=1e-6)]
    assert all(row["exact"] == row["cases"] for row in rows[2:5])
    assert sum(row["cases"] for row in rows[5:]) == 4


@pytest.mark.parametrize(
    ("given", "message"),
    [(["--cases", "0"], "expected 1 or more"), (["--rank", "5000"], "at most")],
)
def test_bad_options_are_one_line(given, message, capsys):
    with pytest.raises(SystemExit, match="2"):
        program.main(given)
    assert message in capsys.readouterr().err
