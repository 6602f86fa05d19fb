"""The correlation benchmark: its tables on a few random vectors."""

import json

import pytest

from benchmarks import correlation


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.delenv("QIMLP_DATA", raising=False)
    monkeypatch.setattr(correlation, "_SAMPLES", 8)
    monkeypatch.setattr(correlation, "_NETWORKS", {"mnist": ((28, 28), "kronecker")})


def run(monkeypatch, *arguments):
    monkeypatch.setattr(correlation.sys, "argv", ["correlation", *map(str, arguments)])
    return correlation.main()


def test_the_analysis_of_one_network(monkeypatch, capsys):
    assert run(monkeypatch, "--threads", 1, "--child", "mnist", 8) == 0
    row = json.loads(capsys.readouterr().out)
    assert (row["network"], row["images"], row["samples"]) == ("mnist two-body", "random", 8)
    assert row["layers"] == 2
    assert row["wall_s"] > 0


def test_exact_and_fitted_products(monkeypatch, capsys, tmp_path):
    file = tmp_path / "correlation.json"
    arguments = ("--threads", 1, "--only", "product", "--fit-rows", 6, "--json", file)
    assert run(monkeypatch, *arguments) == 0
    assert "nearest_product" in capsys.readouterr().out
    (row,) = json.loads(file.read_text(encoding="utf-8"))["rows"]
    assert row["fit_rows"] == 6
    assert row["worse_rows"] == 0
    assert row["worst_gap"] > -1e-9


@pytest.mark.parametrize(
    ("wall", "peak", "said"),
    [(29.0, 2**29, ": met"), (31.0, 2**29, "NOT met"), (29.0, 2**31, "NOT met")],
)
def test_time_and_memory_have_to_be_met(wall, peak, said):
    row = {"samples": correlation._SAMPLES, "wall_s": wall, "peak_bytes": peak}
    assert said in correlation._wanted(row)
    assert correlation._wanted({**row, "samples": 2}) == ""
