"""A limit of time: how it is written, when it is over, and runs that it ends."""

import time

import pytest
import torch

from qimlp.training import (
    TimeLimit,
    TimeLimitReached,
    fit,
    resume,
    resume_experiment,
    run_experiment,
)
from qimlp.training.runs.folder import RunFolder
from tests.training.runs.test_resume import tensors


class Clock:
    """Time that a test turns on; every look at it takes `tick` seconds."""

    def __init__(self, monkeypatch, tick=0.0):
        self.now, self.tick = 1000.0, tick
        monkeypatch.setattr("qimlp.training.stopping.time_limit.time", self)

    def monotonic(self):
        self.now += self.tick
        return self.now


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("45s", 45),
        ("90m", 5400),
        ("2h30m", 9000),
        ("1d", 86400),
        ("1d2h3m4.5s", 93784.5),
        ("0.5h", 1800),
    ],
)
def test_a_limit_is_written_in_days_hours_minutes_and_seconds(monkeypatch, text, seconds):
    clock = Clock(monkeypatch)
    limit = TimeLimit.parse(text)
    assert limit.left() == pytest.approx(seconds, abs=1e-6)
    assert str(limit) == text
    clock.now += 10
    assert limit.left() == pytest.approx(seconds - 10, abs=1e-6)
    assert TimeLimit.parse(text, since=clock.now - 3).left() == pytest.approx(seconds - 3)


@pytest.mark.parametrize(
    "text", ["", "30", "0s", "0h0m", "30m2h", "-5m", "1e3s", "2 h", "nan", "infs", "h", "9" * 400]
)
def test_what_is_no_time_is_one_line(text):
    with pytest.raises(ValueError, match="expected a time such as 2h30m, 90m or 45s") as caught:
        TimeLimit.parse(text)
    assert len(str(caught.value)) < 200
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_a_limit_is_a_positive_number(seconds):
    with pytest.raises(ValueError, match="expected more than 0 seconds"):
        TimeLimit(seconds)


@pytest.mark.parametrize(("seconds", "kept"), [(20, 2), (500, 50), (7200, 60)])
def test_a_tenth_is_kept_and_a_minute_at_most(monkeypatch, seconds, kept):
    clock = Clock(monkeypatch)
    is_late = TimeLimit(seconds).watch()
    clock.now += seconds - kept - 0.5
    late_limit = TimeLimit(seconds, since=1000.0)
    assert not late_limit.is_over()
    clock.now += 1
    assert late_limit.is_over()
    assert is_late()


def test_twice_the_longest_wait_is_kept(monkeypatch):
    clock = Clock(monkeypatch)
    limit = TimeLimit(1000)
    is_late = limit.watch()
    clock.now += 200  # an epoch's evaluation, say
    assert not is_late()
    for _ in range(3):  # to 600 of 1000 s
        clock.now += 1
        assert not is_late()
    clock.now += 396
    assert is_late()  # 2 * 396 s > 401 s


def test_what_lies_between_two_trainings_is_no_wait(monkeypatch):
    clock = Clock(monkeypatch)
    limit = TimeLimit(1000)
    assert not limit.watch()()
    clock.now += 600  # the next run's data is read
    assert not limit.watch()()
    assert not limit.is_over(waits=5)


@pytest.mark.parametrize("looks", [1, 2, 7, 13, 24, 25])
def test_a_run_ends_at_its_limit_and_goes_on_as_if_it_had_not(
    settings, tmp_path, monkeypatch, looks
):
    """8 steps and the end of an epoch are 9 looks; three epochs 27."""
    chosen = settings()
    straight = fit(chosen, out=tmp_path / "straight")
    with monkeypatch.context() as patch:
        Clock(patch, tick=1.0)
        # Two are kept for the longest wait; a look at the clock asks it twice.
        limit = TimeLimit(2 * looks + 4.5)
        with pytest.raises(TimeLimitReached) as caught:
            fit(chosen, out=tmp_path / "limited", time_limit=limit)
    folder = RunFolder.of(tmp_path / "limited", chosen)
    done = f"time limit of {limit}: stopped after {(looks - 1) // 9} of 3 epochs"
    assert str(caught.value).startswith(done)
    assert str(caught.value).endswith(f"resume with: qimlp train --resume {folder.path}")
    assert caught.value.signal_number is None
    assert folder.read_result() is None

    resumed = resume(folder.path, time_limit=TimeLimit(3600))
    assert resumed.test == straight.test
    expected, got = tensors(RunFolder(straight.folder)), tensors(folder)
    assert all(torch.equal(tensor, got[name]) for name, tensor in expected.items())
    assert folder.settings_file.read_text() == RunFolder(straight.folder).settings_file.read_text()


def test_each_invocation_has_a_limit_of_its_own(settings, tmp_path, monkeypatch):
    """So short that each does a single step."""
    chosen = settings()
    straight = fit(chosen, out=tmp_path / "straight")
    folder = RunFolder.of(tmp_path / "runs", chosen)
    with monkeypatch.context() as patch:
        Clock(patch, tick=1.0)
        with pytest.raises(TimeLimitReached):
            fit(chosen, out=tmp_path / "runs", time_limit=TimeLimit(1))
        for step in range(2, 25):
            with pytest.raises(TimeLimitReached, match=rf"\(step {step}\)"):
                resume(folder.path, time_limit=TimeLimit(1))
    assert len(folder.read_metrics()) == 3
    assert resume(folder.path).test == straight.test


def test_a_limit_while_restarts_are_compared(settings, tmp_path):
    chosen = settings(restarts=2)
    started = time.monotonic() - 100
    with pytest.raises(TimeLimitReached, match="stopped while 2 restarts were compared; resume"):
        fit(chosen, out=tmp_path, time_limit=TimeLimit(1, since=started))
    straight = fit(chosen, out=tmp_path / "straight")
    assert resume(RunFolder.of(tmp_path, chosen).path).test == straight.test


def test_the_limit_of_an_experiment_is_that_of_all_its_runs(settings, tmp_path, monkeypatch):
    runs = [settings(seed=seed) for seed in range(3)]
    straight = run_experiment(runs, out=tmp_path / "straight")
    ended = []
    with monkeypatch.context() as patch:
        clock = Clock(patch)

        def one_hour_each(event):
            clock.now += 3600 if type(event).__name__ == "RunFinished" else 0

        with pytest.raises(TimeLimitReached) as caught:
            run_experiment(
                runs,
                out=tmp_path / "runs",
                on_event=one_hour_each,
                time_limit=TimeLimit.parse("2h1m"),
            )
        ended.append(str(caught.value))
    again = f"(all runs: qimlp train --resume {tmp_path / 'runs'})"
    assert ended == [f"time limit of 2h1m: stopped after 2 of 3 runs {again}"]
    assert not RunFolder.of(tmp_path / "runs", runs[2]).path.exists()
    resumed = resume_experiment(tmp_path / "runs", time_limit=TimeLimit(3600))
    assert [run.test for run in resumed.results] == [run.test for run in straight.results]


def test_the_test_set_is_left_for_later_where_there_is_no_time(settings, tmp_path, monkeypatch):
    """30 test examples against 20 of dev: the wait for dev, 1.5 times, and one to write."""
    chosen = settings()
    straight = fit(chosen, out=tmp_path / "straight")
    with monkeypatch.context() as patch:
        clock = Clock(patch)

        def slow_evaluation(event):
            clock.now += 100 if type(event).__name__ == "EpochDone" else 0

        limit = TimeLimit(300 + 225)  # 225 s are left: more than 2 waits, less than 2.5
        with pytest.raises(TimeLimitReached, match=r"stopped after 3 of 3 epochs \(step 24\)"):
            fit(chosen, out=tmp_path / "runs", on_event=slow_evaluation, time_limit=limit)
    assert resume(RunFolder.of(tmp_path / "runs", chosen).path).test == straight.test
