"""Several networks and seeds, and how they are compared."""

import json
import signal

import pytest
from PIL import Image

from qimlp.training import (
    RunFinished,
    RunResult,
    RunStarted,
    TrainingInterrupted,
    compare,
    resume_experiment,
    run_experiment,
)
from qimlp.training.comparison.plots import plot_comparison
from qimlp.training.comparison.report import cells, format_bytes, markdown


def result(label="2b", seed=0, accuracy=0.9, **changes) -> RunResult:
    values = {
        "data": "tiny",
        "label": label,
        "kind": "mlp" if label == "mlp" else "qimlp",
        "seed": seed,
        "dims": [[8, 8], [8, 8], [2, 5]],
        "best_epoch": 2,
        "task": "classification",
        "dev": {"loss": 0.4, "accuracy": accuracy},
        "test": {"loss": 0.3, "accuracy": accuracy},
        "parameters": 1000 if label == "mlp" else 100,
        "dense_parameters": 500,
        "seconds_per_step": 0.001,
        "memory": {"total": 2048},
        "dev_curve": [0.5, accuracy],
        "folder": "somewhere",
    }
    return RunResult(**{**values, **changes})


def test_rows_hold_mean_spread_and_compression():
    rows = compare([result(seed=n, accuracy=a) for n, a in enumerate((0.8, 0.9, 1.0))]).rows
    (row,) = rows
    assert row.seeds == [0, 1, 2]
    assert row.test["accuracy"] == pytest.approx(0.9)
    assert row.test_std == pytest.approx(0.1)  # the sample's, n - 1
    assert (row.test_min, row.test_max) == (0.8, 1.0)
    assert row.compression == 5  # no control among the results: its own dense network


def test_the_first_mlp_is_the_reference():
    comparison = compare([result(), result("mlp")])
    assert comparison.reference == "mlp"
    assert [row.compression for row in comparison.rows] == [10, 1]
    assert comparison.rows[0].test_std is None


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.002, "at 64 features it is not faster"), (0.0005, "0.50 times")]
)
def test_a_remark_says_whether_it_is_faster(seconds, words):
    remarks = compare([result(seconds_per_step=seconds), result("mlp")]).remarks
    assert words in remarks[0]
    assert "10 times fewer parameters" in remarks[0]


def test_results_of_two_data_sets_are_not_compared():
    with pytest.raises(ValueError, match="one data set"):
        compare([result(), result(data="other")])


def test_cells_have_units():
    comparison = compare([result(seed=0), result(seed=1)])
    assert cells(comparison, comparison.rows[0]) == (
        "2b",
        "2",
        "0.9000 ± 0.0000",
        "0.9000..0.9000",
        "100",
        "5.0x",
        "1.00 ms",
        "2.0 KiB",
    )


@pytest.mark.parametrize(
    ("count", "text"), [(12, "12 B"), (2048, "2.0 KiB"), (3 << 20, "3.0 MiB"), (5 << 30, "5.0 GiB")]
)
def test_bytes(count, text):
    assert format_bytes(count) == text


def test_markdown_has_a_line_per_network():
    text = markdown(compare([result(), result("mlp")]))
    assert [line.split(" | ")[0] for line in text.splitlines() if line.startswith("|")] == [
        "| network",
        "| ---",
        "| 2b",
        "| mlp",
    ]


@pytest.mark.parametrize("epochs", [1, 12])
@pytest.mark.parametrize("labels", [["2b"], ["2b", "mlp"], [f"{n}b" for n in range(2, 10)]])
def test_the_figure_is_a_whole_picture(tmp_path, epochs, labels):
    curve = [1 - 0.5**n for n in range(1, epochs + 1)]
    results = [result(label, seed, dev_curve=curve) for label in labels for seed in (0, 1)]
    plot_comparison(results, tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as picture:
        picture.load()
        assert picture.width > 1000
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


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
