import pytest
import torch

from qimlp.bench import timing

CPU = torch.device("cpu")


def test_ratios_are_taken_within_a_round():
    timings = timing.Timings({"a": (1.0, 2.0, 8.0), "b": (3.0, 2.0, 16.0)})
    assert timings.median("a") == 2.0
    assert timings.speedup("a", over="b") == 2.0  # of 3, 1, 2; the medians' ratio would be 1.5
    assert timings.spread("a") == pytest.approx((5.0 - 1.5) / 2.0)


def test_every_round_takes_one_sample_of_each_in_changing_order(monkeypatch):
    taken = []

    def fake_seconds(call, repeats, device):
        taken.append((call(), repeats))
        return 0.02

    monkeypatch.setattr(timing, "seconds_per_call", fake_seconds)
    calls = {name: (lambda name=name: name) for name in "abc"}
    timings = timing.interleave(calls, rounds=6, device=CPU)
    assert {name: len(samples) for name, samples in timings.samples.items()} == dict.fromkeys(
        "abc", 6
    )
    rounds = [tuple(name for name, _ in taken[i : i + 3]) for i in range(3, len(taken), 3)]
    assert len(rounds) == 6
    assert all(sorted(names) == ["a", "b", "c"] for names in rounds)
    assert len(set(rounds)) > 1


def test_short_calls_are_repeated_until_the_sample_is_long_enough(monkeypatch):
    monkeypatch.setattr(timing, "seconds_per_call", lambda call, repeats, device: 1e-5)
    monkeypatch.setattr(timing, "_SHORTEST_SAMPLE_S", 0.01)
    repeats = timing.repeats_needed(lambda: None, CPU)
    assert 1000 <= repeats <= 2000


def test_one_round_is_refused():
    with pytest.raises(ValueError, match="at least 2 rounds, got 1"):
        timing.interleave({"a": lambda: None}, rounds=1, device=CPU)


def test_a_device_without_a_clock_is_refused():
    with pytest.raises(ValueError, match="cpu or cuda, got meta"):
        timing.interleave({"a": lambda: None}, rounds=2, device=torch.device("meta"))
