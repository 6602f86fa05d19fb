"""Figs. 6 and 7: their files, and their place in the report."""

import json
import xml.etree.ElementTree as ET

import pytest

from qimlp.paper.analysis.figure_runs import KeptRuns
from qimlp.paper.analysis.findings import Findings
from qimlp.paper.analysis.options import StudyOptions
from qimlp.paper.analysis.paper_figures import study_figure_runs
from qimlp.paper.campaign.campaign import run_campaign
from qimlp.paper.campaign.store import Store
from qimlp.paper.campaign.summary import summarize
from qimlp.paper.cells.variants import variants
from qimlp.paper.report.write import write_report
from tests.paper.conftest import on_digits

OPTIONS = StudyOptions(samples=60, baseline_samples=20, truncation_samples=60, device="cpu")
NAMES = ("correlation", "truncation", "correlation-epochs", "relation")


def nothing(_):
    pass


def report(folder):
    return write_report(summarize(variants(), Store(folder / "results")), folder)


def test_studies_and_figures_go_into_the_report(tmp_path):
    runs = on_digits()
    kept = KeptRuns(tmp_path / "runs", [runs])
    workspace = kept.workspace(data_dir=None, device="cpu", threads=1)
    run_campaign(kept.missing(nothing), workspace, jobs=1, on_event=nothing)
    studied = []
    figures = study_figure_runs(runs, kept, tmp_path, OPTIONS, studied.append)
    assert studied == [*runs.shown, *runs.others]
    own = tmp_path / "figures" / "digits"
    assert figures == [own / f"{name}.svg" for name in NAMES]
    for path in figures:
        ET.parse(path)  # noqa: S314 - our own file
    findings = Findings(tmp_path / "correlation")
    written = findings.read_run("digits", "2b", 0)
    assert (tmp_path / written["run"]).is_dir()
    assert (tmp_path / written["control"]).is_dir()
    assert len(written["epochs"]["numbers"]) == 3
    lines = tmp_path / "correlation" / "digits.jsonl"
    assert str(tmp_path) not in lines.read_text()
    compared = [
        one["name"] for one in findings.read_run("digits", "2b", 1)["layers"][0]["baselines"]
    ]
    assert "mlp" in compared
    assert "untrained_mlp" not in compared
    relation = findings.comparisons()["digits"]
    (table,) = relation["tables"]
    assert (table["network"], table["runs"]) == ("2b", 2)
    assert [row[0] for row in table["rows"]] == [
        "C (nats)",
        "C minus that of the layer before",
        "C minus that of the same network untrained",
        "C minus that of its features shuffled between samples",
        "C minus that of its features permuted across bodies",
        "C minus that of a random vector",
        "C minus that of the classic MLP of the same widths",
    ]
    assert {len(row) for row in table["rows"]} == {len(table["columns"])}
    assert relation["answers"][0].startswith(
        "Does the second layer hold more than the first, and more than chance (2b, 2 runs)? It "
    )
    assert "Over 4 runs (2 of 2b, 2 of 2b-rank2) in layer 1 " in relation["answers"][-1]
    assert len(relation["points"]) == len(table["columns"]) - 1
    for networks in relation["points"].values():
        assert {name: len(pairs) for name, pairs in networks.items()} == {"2b": 2, "2b-rank2": 2}

    own.rename(own.with_name("mnist"))  # as if the digits were MNIST
    lines.rename(lines.with_name("mnist.jsonl"))
    page, html = report(tmp_path)
    text = page.read_text(encoding="utf-8")
    places = [text.index(f"](figures/mnist/{name}.svg)") for name in NAMES]
    assert places[0] < text.index(relation["answers"][0]) < min(places[1:])
    assert "| C minus that of a random vector | ▼ -" in text
    assert "cifar10/correlation" not in text
    assert "C is computed exactly" in html.read_text(encoding="utf-8")


def test_without_figures_the_section_is_left_out(tmp_path):
    page, _ = report(tmp_path)
    assert "Strong correlation" not in page.read_text(encoding="utf-8")


def test_a_comparison_in_an_older_form_is_refused_in_one_line(tmp_path):
    for name in ("correlation", "truncation"):
        figure = tmp_path / "figures" / f"mnist-{name}.svg"
        figure.parent.mkdir(exist_ok=True)
        figure.write_text("<svg></svg>", encoding="utf-8")
    old = tmp_path / "correlation" / "mnist" / "relation.json"
    old.parent.mkdir(parents=True)
    old.write_text(json.dumps({"answers": []}), encoding="utf-8")
    with pytest.raises(ValueError, match="run `qimlp reproduce --correlation` again") as caught:
        report(tmp_path)
    assert "\n" not in str(caught.value)
