"""Reports as files."""

import csv
import json

import pytest

from qimlp.correlation import analyze
from qimlp.correlation.networks.output import write_report
from tests.correlation.example_networks import inputs, network


@pytest.fixture(scope="module")
def report():
    return analyze(network(), inputs())


def test_report_files(report, tmp_path):
    write_report(report, tmp_path, {"accuracy": 0.5})
    saved = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert saved["accuracy"] == 0.5
    assert saved["answers"] == report.answers
    with (tmp_path / "layers.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 24
    network_rows = [row for row in rows if row["of"] == "network"]
    means = [layer.measured.strong.mean for layer in report.layers]
    assert [float(row["C"]) for row in network_rows] == pytest.approx(means)
    assert {path.name for path in tmp_path.iterdir()} == {"report.json", "layers.csv"}
