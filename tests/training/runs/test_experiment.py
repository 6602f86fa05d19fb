"""Several networks and seeds, trained one after the other into one folder."""

import json
import signal

import pytest

from qimlp.training import (
    RunFinished,
    RunStarted,
    TrainingInterrupted,
    resume_experiment,
    run_experiment,
)
from qimlp.training.comparison.report import markdown


def test_an_experiment_trains_everything_and_reports(settings, tmp_path):
    runs = [settings(model=m, seed=s) for m in ("2b", "mlp") for s in (0, 1)]
    experiment = run_experiment(runs, out=tmp_path / "runs")
    assert [(r.kind, r.seed) for r in experiment.results] == [
        ("qimlp", 0),
        ("qimlp", 1),
        ("mlp", 0),
        ("mlp", 1),
    ]
    written = json.loads((tmp_path / "runs" / "comparison.json").read_text())
    assert [row["seeds"] for row in written["rows"]] == [[0, 1], [0, 1]]
    assert experiment.table.read_text(encoding="utf-8") == markdown(experiment.comparison)
    assert experiment.figure.stat().st_size > 10_000


def test_nothing_starts_if_one_folder_is_taken(settings, tmp_path):
    run_experiment([settings(seed=1)], out=tmp_path)
    events = []
    with pytest.raises(FileExistsError, match="seed-1"):
        run_experiment([settings(seed=0), settings(seed=1)], out=tmp_path, on_event=events.append)
    assert events == []


def test_nothing_is_written_if_one_network_does_not_fit(settings, tmp_path):
    runs = [settings(), settings(dims="4x5,3x1")]
    with pytest.raises(ValueError, match="20 to 3 features"):
        run_experiment(runs, out=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_equal_runs_are_refused(settings, tmp_path):
    with pytest.raises(ValueError, match="the same"):
        run_experiment([settings(), settings()], out=tmp_path)


def test_an_interrupted_experiment_goes_on(settings, tmp_path):
    runs = [settings(seed=seed) for seed in (0, 1, 2)]

    def press(event):
        if isinstance(event, RunStarted) and event.seed == 1:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(TrainingInterrupted, match="all runs: qimlp train --resume"):
        run_experiment(runs, out=tmp_path / "stopped", on_event=press)
    events = []
    resumed = resume_experiment(tmp_path / "stopped", on_event=events.append)
    finished = [event.result.seed for event in events if isinstance(event, RunFinished)]
    assert finished == [1, 2]
    straight = run_experiment(runs, out=tmp_path / "straight")
    assert [r.test["loss"] for r in resumed.results] == [r.test["loss"] for r in straight.results]
    assert resumed.table.exists()


def interrupted(settings, out):
    """An experiment of two networks, stopped in the first."""

    def press(event):
        if isinstance(event, RunStarted):
            signal.raise_signal(signal.SIGINT)

    runs = [settings(), settings(model="mlp", dims=None)]
    with pytest.raises(TrainingInterrupted):
        run_experiment(runs, out=out, on_event=press)
    return runs


def test_unfinished_runs_keep_their_plan(settings, tmp_path):
    interrupted(settings, tmp_path)
    other = settings(depth=2, dims=None)
    with pytest.raises(FileExistsError, match="2 of 2 runs there are not complete") as caught:
        run_experiment([other], out=tmp_path)
    for word in ("--resume", "--out", "--overwrite"):
        assert word in str(caught.value)
    resume_experiment(tmp_path)
    assert len(run_experiment([other], out=tmp_path).results) == 1


def test_unfinished_runs_can_be_given_up_or_taken_along(settings, tmp_path):
    planned = interrupted(settings, tmp_path)
    run_experiment(planned, out=tmp_path, overwrite=True)
    planned = interrupted(settings, tmp_path / "again")
    run_experiment([settings(depth=2, dims=None)], out=tmp_path / "again", overwrite=True)
