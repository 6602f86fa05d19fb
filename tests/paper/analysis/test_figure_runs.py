"""Which runs Figs. 6 and 7 need, and which of them are there already."""

import shutil
from dataclasses import replace

import pytest

from qimlp.paper.analysis.figure_runs import FigureRuns, KeptRuns, figure_runs
from qimlp.paper.analysis.runs import find_checkpoints
from qimlp.paper.campaign.campaign import ResultDamaged, run_campaign
from qimlp.paper.campaign.run_cell import run_cell
from qimlp.paper.cells.cell import Cell
from qimlp.paper.cells.variants import variants
from qimlp.training.runs.folder import RunFolder
from tests.paper.conftest import on_digits

ALL = variants()


def nothing(_):
    pass


def test_the_runs_of_the_figures():
    mnist, cifar10 = figure_runs(ALL, ALL, None)
    assert [cell.name for cell in mnist.shown] == [f"mnist/2b/tuned/seed-{n}" for n in range(3)]
    assert [cell.name for cell in mnist.others] == [
        f"mnist/2b-rank{rank}/tuned/seed-{n}" for rank in (2, 3, 4) for n in range(3)
    ]
    assert mnist.control.name == "mnist/mlp/tuned/seed-0"
    assert len(cifar10.shown) == 3
    assert [cell.name for cell in cifar10.others] == [
        f"cifar10/2b-rank{rank}/tuned/seed-0" for rank in (2, 3)
    ]
    assert cifar10.control.name == "cifar10/mlp/tuned/seed-0"


def test_the_user_chooses_data_and_seeds():
    chosen = [variant for variant in ALL if variant.name == "mnist/2b/tuned"]
    (runs,) = figure_runs(chosen, ALL, 1)
    assert [len(runs.shown), len(runs.others), len(runs.cells)] == [1, 3, 5]
    with pytest.raises(ValueError, match=r"^--correlation: expected mnist/2b/tuned or"):
        figure_runs([v for v in ALL if v.data == "imdb"], ALL, None)


def test_what_is_trained_is_found_again_and_only_the_shown_run_has_checkpoints(tmp_path):
    runs = on_digits()
    kept = KeptRuns(tmp_path, [runs])
    todo = kept.missing(nothing)
    assert {cell.name for cell in todo} == {cell.name for cell in runs.cells}
    workspace = kept.workspace(data_dir=None, device="cpu", threads=1)
    run_campaign(todo, workspace, jobs=1, on_event=nothing)
    assert kept.missing(nothing) == []
    assert sorted(find_checkpoints(kept.path(runs.shown[0]))) == [0, 1, 2]
    assert not find_checkpoints(kept.path(runs.shown[1]))
    changed = replace(runs.control.variant, changes={**runs.control.variant.changes, "epochs": 1})
    other = replace(runs, control=Cell(changed, 0))
    assert KeptRuns(tmp_path, [other]).missing(nothing) == [other.control]
    with pytest.raises(ValueError, match="no trained network; its training did not come to an end"):
        KeptRuns(tmp_path, [other]).path(other.control)


def test_runs_that_the_evaluation_kept_are_taken(tmp_path, workspace):
    runs = on_digits()
    for cell in (runs.shown[0], runs.control):
        run_cell(cell, replace(workspace, keep_runs=True), nothing)
    kept = KeptRuns(workspace.runs, [runs])
    todo = kept.missing(nothing)
    assert runs.control not in todo
    assert workspace.runs in kept.path(runs.control).parents
    assert runs.shown[0] in todo  # its figure over training needs checkpoints

    shutil.rmtree(kept.path(runs.control) / "best")
    assert runs.control in kept.missing(nothing)


def test_a_damaged_run_is_named_and_trained_again(tmp_path, workspace):
    runs = on_digits()
    run_cell(runs.control, replace(workspace, keep_runs=True), nothing)
    kept = KeptRuns(workspace.runs, [FigureRuns("digits", runs.shown[:1], (), runs.control)])
    RunFolder(kept.path(runs.control)).result_file.write_text("{", encoding="utf-8")
    events = []
    assert runs.control in kept.missing(events.append)
    assert [type(event) for event in events] == [ResultDamaged]
    assert "result.json" in events[0].reason
