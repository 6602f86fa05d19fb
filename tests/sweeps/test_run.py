"""Whole sweeps."""

import csv
import json
import signal
from pathlib import Path

import pytest

from qimlp.settings import resolve_settings
from qimlp.sweeps import SweepStarted, TrialEpoch, TrialFinished, read_sweep, sweep
from qimlp.training import TrainingData, TrainingInterrupted, fit

SEARCH = ("lr=0.001..0.1", "rank=1..4", "bias")


@pytest.fixture
def search(settings, tmp_path, monkeypatch):
    """Sweep over the tiny data set into a folder of its own; figures on request, they take long."""

    def run(out="sweep", *, figures=False, **options):
        if not figures:
            monkeypatch.setattr("qimlp.sweeps.run.draw_figures", lambda *_: None)
        changes = options.pop("changes", {})
        given = {"search": SEARCH, "trials": 9, "out": tmp_path / out, **options}
        return sweep(settings(**changes), **given)

    return run


def without_time(result):
    return [{**trial.to_dict(), "seconds": 0} for trial in result.trials]


def test_a_sweep_leaves_its_trials_the_front_and_figures(search, tmp_path):
    events = []
    result = search(on_event=events.append, figures=True)
    folder = tmp_path / "sweep"
    assert [trial.number for trial in result.trials] == list(range(9))
    assert {trial.state for trial in result.trials} == {"complete", "pruned"}
    assert result.trials[0].params == {"lr": 0.01, "rank": 1, "bias": "kronecker"}
    best = result.leaderboard[0]
    assert best.metric == max(trial.metric for trial in result.leaderboard)
    assert result.front[-1] == best
    with (folder / "leaderboard.csv").open() as file:
        rows = list(csv.DictReader(file))
    complete = [row for row in rows if row["state"] == "complete"]
    assert [int(row["trial"]) for row in complete] == [one.number for one in result.leaderboard]
    assert float(complete[0]["dev_accuracy"]) == best.metric
    assert [int(row["trial"]) for row in rows if row["front"] == "yes"][::-1] == [
        one.number for one in result.front
    ]
    front = json.loads((folder / "front.json").read_text())
    assert [(one["trial"], one["parameters"]) for one in front] == [
        (one.number, one.parameters) for one in result.front
    ]
    figures = {"front", "history", "slices", "parallel", "importances"}
    assert {file.stem for file in folder.glob("*.png")} == figures
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in folder.glob("*.png"))
    assert read_sweep(folder) == result
    started = events[0]
    assert isinstance(started, SweepStarted)
    assert (started.trials, started.finished, started.workers) == (9, 0, 1)
    epochs = [(e.number, e.epoch, e.metric) for e in events if isinstance(e, TrialEpoch)]
    assert epochs == [
        (one.number, epoch, metric)
        for one in result.trials
        for epoch, metric in enumerate(one.curve, 1)
    ]
    told = [event.result for event in events if isinstance(event, TrialFinished)]
    assert told == list(result.trials)


def test_the_chosen_trial_trained_once_more_is_the_same(search, tmp_path):
    result = search(trials=4)
    best = result.leaderboard[0]
    kept = json.loads((tmp_path / "sweep" / "best" / "settings.json").read_text())
    assert resolve_settings(kept) == result.settings_of() == result.settings_of(best.number)
    run = fit(result.settings_of(), out=tmp_path / "runs")
    assert (run.dev["accuracy"], run.parameters) == (best.metric, best.parameters)
    with pytest.raises(ValueError, match=r"trial 44 is not among the complete ones: \[0, 1"):
        result.settings_of(44)


def test_one_objective_is_the_metric_alone(search, tmp_path):
    result = search(objectives=["metric"], figures=True)
    assert result.objectives == ("metric",)
    assert (tmp_path / "sweep" / "curves.png").exists()


def test_the_direction_is_the_metrics(tmp_path):
    rows = "\n".join(f"{i},{(i * 7) % 10},{i + 0.5}" for i in range(80))
    (tmp_path / "line.csv").write_text(f"x,y,label\n{rows}\n")
    settings = resolve_settings(
        {"data": str(tmp_path / "line.csv"), "model": "mlp", "loss": "quantile", "epochs": 3}
    )
    result = sweep(settings, search=["lr", "dropout"], trials=5, out=tmp_path / "sweep")
    assert (result.metric, result.higher_is_better) == ("pinball", False)
    assert result.leaderboard[0].metric == min(one.metric for one in result.leaderboard)
    assert [one.metric for one in result.front] == sorted(
        (one.metric for one in result.front), reverse=True
    )


def test_further_trials_are_as_in_one_go(search):
    search("parts", trials=2)
    search("parts", trials=6)
    parts = search("parts", trials=9)
    assert without_time(parts) == without_time(search("whole"))


def test_an_interrupted_sweep_goes_on_with_the_same_trials(search, tmp_path):
    class Stop:
        def __init__(self):
            self.epochs = 0

        def __call__(self, event):
            self.epochs += isinstance(event, TrialEpoch)
            if self.epochs == 8:
                signal.raise_signal(signal.SIGINT)

    with pytest.raises(TrainingInterrupted, match="interrupted: 2 of 9 trials are finished; the s"):
        search("parts", on_event=Stop())
    assert len(read_sweep(tmp_path / "parts").trials) == 2
    assert without_time(search("parts")) == without_time(search("whole"))


def test_two_processes_draw_the_random_trials_of_one(search):
    one = search("one", sampler="random", prune=False, changes={"threads": 1})
    two = search("two", sampler="random", prune=False, workers=2, changes={"threads": 1})
    assert without_time(one) == without_time(two)


def test_other_storages_and_names(search, tmp_path):
    journal = str(tmp_path / "shared.journal")
    first = search("here", storage=journal, name="mine", trials=3)
    there = search("there", storage=journal, name="mine", trials=4)
    assert without_time(there)[:3] == without_time(first)
    other = search("other", storage=journal, name="yours", trials=2)
    assert len(other.trials) == 2
    with pytest.raises(
        FileExistsError, match=r"here is the folder of the sweep 'mine' in .*choose"
    ):
        search("here", storage=journal, name="yours")


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"changes": {"epochs": 2}}, r"sweep 'tiny' has other epochs \(3, here 2\); give the same"),
        ({"search": ["lr"]}, "sweep 'tiny' has other search; give the same to go on with it"),
        ({"prune": False, "sampler": "random"}, "has other sampler and prune; give the same"),
        ({"objectives": ["metric"]}, "has other objectives"),
    ],
)
def test_a_sweep_goes_on_with_the_same_settings_alone(search, options, line):
    search(trials=1)
    with pytest.raises(ValueError, match=line):
        search(**options)


def test_changed_data_is_refused(search, tiny):
    from tests.tiny_runs import write_tiny

    search(trials=1)
    write_tiny(tiny, seed=1)
    with pytest.raises(ValueError, match=r"sweep 'tiny': the data .* has changed since it began"):
        search()


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"trials": 0}, "trials: expected 1 to 100,000, got 0"),
        ({"workers": 1000}, "workers: expected 1 to 256, got 1000"),
        ({"objectives": ["accuracy"]}, "unknown objective 'accuracy'"),
        ({"objectives": ["parameters"]}, "the smallest network is known without a sweep"),
        ({"sampler": "grid"}, "unknown sampler 'grid'"),
        ({"search": ["lrr"]}, "unknown setting 'lrr'; did you mean 'lr'"),
        ({"storage": "mysql://there/x"}, "storage: expected a file ending in"),
        ({"changes": {"watch_test": True}}, "watch_test: a sweep reads no test part"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(search, tmp_path, options, line):
    with pytest.raises(ValueError, match=line):
        search(**options)
    assert not (tmp_path / "sweep").exists()


def test_a_storage_that_cannot_be_reached_leaves_nothing_behind(search, tmp_path):
    with pytest.raises(FileNotFoundError, match="the folder .*none does not exist"):
        search(storage=str(tmp_path / "none" / "x.db"))
    assert not (tmp_path / "sweep").exists()


def test_something_else_in_place_of_the_folder_is_refused(search, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(FileExistsError, match="mine exists and is not the folder of a sweep"):
        search("mine")
    with pytest.raises(NotADirectoryError, match=r"letter\.txt is no folder"):
        search(Path("mine") / "letter.txt" / "sweep")


def test_where_every_trial_fails_the_first_reason_is_told(search, tmp_path):
    line = r"sweep: no trial is complete; trial 0 failed: dims go from 16 to 6 features"
    with pytest.raises(ValueError, match=line):
        search(search=["dims=4x4,3x2;4x4,4x4,3x2", "lr"], trials=2)
    with pytest.raises(ValueError, match=line):
        read_sweep(tmp_path / "sweep").settings_of()


def test_a_folder_without_a_sweep_is_refused(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"expected the folder of a sweep, with sweep\.json"
    ):
        read_sweep(tmp_path)


def test_the_test_part_is_not_read(search, monkeypatch):
    monkeypatch.setattr(TrainingData, "test_batches", lambda *_: pytest.fail("the test part"))
    search(trials=2)
