"""A sweep that ends before a time is over, and goes on."""

import time

import pytest

from qimlp.sweeps import TrialEpoch, TrialFinished, read_sweep, sweep
from qimlp.training import TimeLimit, TimeLimitReached
from tests.training.stopping.test_time_limit import Clock


@pytest.fixture
def search(settings, tmp_path, monkeypatch):
    monkeypatch.setattr("qimlp.sweeps.run.draw_figures", lambda *_: None)

    def run(out, **options):
        given = {"search": ("lr=0.001..0.1", "rank=1..4"), "trials": 5, "prune": False}
        return sweep(settings(), **{**given, "out": tmp_path / out, **options})

    return run


def without_time(result):
    return [{**trial.to_dict(), "seconds": 0} for trial in result.trials]


@pytest.mark.parametrize(
    ("minutes", "per", "finished"),
    [(119, TrialFinished, 2), (100, TrialEpoch, 0), (360, TrialEpoch, 1)],
)
def test_the_same_command_goes_on_with_the_same_trials(
    search, tmp_path, monkeypatch, minutes, per, finished
):
    """An hour for each trial, or for each of its three epochs: that trial begins anew."""
    with monkeypatch.context() as patch:
        clock = Clock(patch)

        def an_hour(event):
            clock.now += 3600 if isinstance(event, per) else 0

        limit = TimeLimit.parse(f"{minutes}m")
        with pytest.raises(TimeLimitReached) as caught:
            search("parts", on_event=an_hour, time_limit=limit)
    done = f"{finished} of 5 trials are finished; the same command goes on"
    assert str(caught.value) == f"time limit of {minutes}m: {done}"
    assert len(read_sweep(tmp_path / "parts").trials) == finished
    assert without_time(search("parts", time_limit=TimeLimit(3600))) == without_time(
        search("whole")
    )


def test_workers_know_the_limit(search, tmp_path):
    over = TimeLimit(30, since=time.monotonic() - 100)
    with pytest.raises(TimeLimitReached, match="time limit of 30s: 0 of 5 trials are finished"):
        search("parts", workers=2, time_limit=over)
    assert len(search("parts", workers=2, time_limit=TimeLimit(3600)).trials) == 5


def test_what_is_done_at_the_limit_is_done(search):
    search("all")
    over = TimeLimit(30, since=time.monotonic() - 100)
    assert len(search("all", time_limit=over).trials) == 5


@pytest.mark.parametrize("changes", [{"keep_last": 2}, {"track": "wandb"}, {"checkpoints": True}])
def test_a_sweep_keeps_and_tells_nothing_of_single_trials(settings, tmp_path, changes):
    (name,) = changes
    with pytest.raises(ValueError, match=f"^{name}: a sweep reads no test part, keeps no"):
        sweep(settings(**changes), out=tmp_path / "sweep")
    assert not (tmp_path / "sweep").exists()
