"""Interleaved timing of several callables in one process.

On the CPU the clock is the process's CPU time, which other processes on a shared machine disturb
far less than wall time, and wall time where torch computes on more than one thread; on CUDA it is
a pair of events. Each sample repeats a callable until it
lasts long enough for the clock. Each round takes one sample of every callable, in shuffled order,
so that a slow or fast spell of the machine falls on all of them; ratios are taken within a round.
"""

from __future__ import annotations

import gc
import random
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

_SHORTEST_SAMPLE_S = 0.2 if sys.platform == "win32" else 0.01  # Windows ticks every 16 ms
_ORDER_SEED = 0

Measure = Callable[[Callable[[], object], int, torch.device], float]
"""Maps a callable, how often to call it and its device to the mean seconds of one call."""


@dataclass(frozen=True)
class Timings:
    """Seconds per call: for every callable, one sample for each round."""

    samples: Mapping[str, tuple[float, ...]]

    def median(self, name: str) -> float:
        """Median seconds per call of `name`."""
        return statistics.median(self.samples[name])

    def spread(self, name: str) -> float:
        """Distance between the quartiles of `name`, as a fraction of its median."""
        low, _, high = statistics.quantiles(self.samples[name], n=4, method="inclusive")
        return (high - low) / self.median(name)

    def speedup(self, name: str, over: str) -> float:
        """Median over the rounds of the time of `over` divided by the time of `name`."""
        pairs = zip(self.samples[over], self.samples[name], strict=True)
        return statistics.median(slow / fast for slow, fast in pairs)


def clock_name(device: torch.device, threads: int) -> str:
    """What `seconds_per_call` reads, in words."""
    if device.type == "cuda":
        return "CUDA events"
    return "process CPU time" if threads == 1 else "wall time"


def seconds_per_call(call: Callable[[], object], repeats: int, device: torch.device) -> float:
    """Time `repeats` calls in a row and return the mean seconds of one."""
    if device.type == "cuda":
        return _cuda_seconds(call, repeats, device)
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    return _seconds_by(clock, call, repeats)


def wall_seconds_per_call(call: Callable[[], object], repeats: int, device: torch.device) -> float:
    """The same by wall time, which alone compares one thread with several on the CPU."""
    del device
    return _seconds_by(time.perf_counter, call, repeats)


def _seconds_by(clock: Callable[[], float], call: Callable[[], object], repeats: int) -> float:
    start = clock()
    for _ in range(repeats):
        call()
    return (clock() - start) / repeats


def _cuda_seconds(call: Callable[[], object], repeats: int, device: torch.device) -> float:
    with torch.cuda.device(device):
        start = torch.cuda.Event(enable_timing=True)
        end = torch.cuda.Event(enable_timing=True)
        start.record()
        for _ in range(repeats):
            call()
        end.record()
        end.synchronize()
    milliseconds: float = start.elapsed_time(end)
    return milliseconds / 1000 / repeats


def repeats_needed(
    call: Callable[[], object], device: torch.device, measure: Measure | None = None
) -> int:
    """Warm `call` up and return how many calls in a row make one sample long enough."""
    measure = measure or seconds_per_call
    call()
    repeats = 1
    while (lasts := repeats * measure(call, repeats, device)) < _SHORTEST_SAMPLE_S:
        growth = 1.2 * _SHORTEST_SAMPLE_S / max(lasts, 1e-9)
        repeats = max(repeats + 1, int(repeats * min(growth, 10.0)))
    return repeats


def interleave(
    calls: Mapping[str, Callable[[], object]],
    *,
    rounds: int,
    device: torch.device,
    measure: Measure | None = None,
) -> Timings:
    """Time every callable of `calls` once in each of `rounds` rounds.

    Args:
        calls: What to time, by name. Each is warmed up first.
        rounds: Number of samples of each callable, at least 2.
        device: Where the callables do their work: a CPU or a CUDA device.
        measure: Takes one sample; `seconds_per_call` where none is given.

    Returns:
        The samples of all callables.

    Raises:
        ValueError: If `rounds` is smaller than 2 or `device` has no clock here.
    """
    if rounds < 2:
        raise ValueError(f"expected at least 2 rounds, got {rounds}")
    if device.type not in ("cpu", "cuda"):
        raise ValueError(f"expected the device cpu or cuda, got {device}")
    measure = measure or seconds_per_call
    repeats = {name: repeats_needed(call, device, measure) for name, call in calls.items()}
    samples: dict[str, list[float]] = {name: [] for name in calls}
    order = list(calls)
    shuffler = random.Random(_ORDER_SEED)  # noqa: S311 - an order, not a secret
    collecting = gc.isenabled()
    gc.disable()
    try:
        for _ in range(rounds):
            shuffler.shuffle(order)
            for name in order:
                samples[name].append(measure(calls[name], repeats[name], device))
    finally:
        if collecting:
            gc.enable()
    return Timings({name: tuple(taken) for name, taken in samples.items()})
