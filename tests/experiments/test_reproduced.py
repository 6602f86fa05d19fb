"""Figs. 6 and 7: runs kept for them, their files, and their place in the report."""

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from qimlp.experiments.analysis.options import StudyOptions
from qimlp.experiments.analysis.reproduced import correlation_cells, study_kept, train_kept
from qimlp.experiments.cell import Cell
from qimlp.experiments.report import write_report
from qimlp.experiments.store import Store
from qimlp.experiments.summary import summarize
from qimlp.experiments.variants import variants
from qimlp.files import read_json_object

OPTIONS = StudyOptions(samples=60, baseline_samples=20, truncation_samples=60, device="cpu")


def test_the_cells_are_the_two_body_networks_of_our_recipe():
    cells = correlation_cells(variants(), None)
    assert [cell.name for cell in cells] == [
        f"{data}/2b/tuned/seed-{seed}" for data in ("mnist", "cifar10") for seed in range(3)
    ]
    assert len(correlation_cells(variants(), 1)) == 2
    with pytest.raises(ValueError, match=r"^--correlation: expected mnist/2b/tuned or"):
        correlation_cells([v for v in variants() if v.data == "imdb"], None)


def test_a_kept_run_is_trained_once(variant, tmp_path):
    events = []
    settings = Cell(variant, 0).settings(device="cpu", checkpoints=True)
    first = train_kept(settings, tmp_path, events.append)
    assert events
    events.clear()
    elsewhere = settings.model_copy(update={"threads": 1, "checkpoints": False})
    assert train_kept(elsewhere, tmp_path, events.append) == first
    assert not events
    changes = {**variant.changes, "epochs": 1}
    other = Cell(replace(variant, changes=changes), 0).settings(device="cpu")
    assert len(train_kept(other, tmp_path, events.append).dev_curve) == 1
    assert events


def test_studies_and_figures_go_into_the_report(variant, tmp_path):
    runs = []
    for seed in (0, 1):
        settings = Cell(variant, seed).settings(device="cpu", checkpoints=seed == 0)
        runs.append(train_kept(settings, tmp_path / "runs").folder)
    figures = study_kept([*map(type(tmp_path), runs)], tmp_path, OPTIONS)
    assert [path.name for path in figures] == ["digits-correlation.svg", "digits-truncation.svg"]
    for path in figures:
        ET.parse(path)  # noqa: S314 - our own file
    own = tmp_path / "correlation" / "digits"
    assert (own / "seed-0" / "epochs.png").is_file()
    assert (own / "seed-1" / "layers.csv").is_file()
    sentence = read_json_object(own / "relation.json", what="")["answers"][0]
    assert sentence.startswith("Layer 1 of 2b, 2 runs: C = ")

    for path in figures:  # as if the digits were MNIST
        path.rename(path.with_name(path.name.replace("digits", "mnist")))
    own.rename(own.with_name("mnist"))
    page, html = write_report(summarize(variants(), Store(tmp_path / "results")), tmp_path)
    text = page.read_text(encoding="utf-8")
    assert "](figures/mnist-correlation.svg)" in text
    assert sentence in text
    assert "cifar10-correlation" not in text
    assert "C is computed exactly" in html.read_text(encoding="utf-8")


def test_without_figures_the_section_is_left_out(tmp_path):
    page, _ = write_report(summarize(variants(), Store(tmp_path / "results")), tmp_path)
    assert "Strong correlation" not in page.read_text(encoding="utf-8")
