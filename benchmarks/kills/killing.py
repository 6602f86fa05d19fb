"""One training after the other, killed, resumed, and held against one that was left alone."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from benchmarks.kills.children import LOG, wait
from benchmarks.kills.outcome import outcome
from benchmarks.kills.scenarios import OUT, Scenario

_MOST_SECONDS = 600.0
_MOST_KILLS_OF_A_RUN = 3


@dataclass(frozen=True)
class Killed:
    """A training that was killed and has ended all the same.

    Attributes:
        moments: Where each kill found it.
        differing: Files that are not what they are without a kill; none where all is well.
    """

    moments: list[str]
    differing: list[str]


class BrokenError(Exception):
    """A command ended with an error; its last line."""


def reference(scenario: Scenario, data: Path, folder: Path) -> tuple[dict[str, str], float]:
    """Train without a kill, twice.

    Args:
        scenario: The training.
        data: Folder of the data.
        folder: Where it runs.

    Returns:
        What it left, and the seconds until all its runs were done, without the comparison, which
        takes as long as they do.

    Raises:
        BrokenError: If it fails, or two runs differ.
    """
    found, seconds = [], []
    for name in ("first", "second"):
        own = folder / name
        own.mkdir()
        began = time.time()
        _finish(scenario, data, own)
        found.append(outcome(own / OUT))
        results = (own / OUT).glob("*/*/result.json")
        seconds.append(max(file.stat().st_mtime for file in results) - began)
    differing = _differing(*found)
    if differing:
        raise BrokenError(f"two runs without a kill differ: {', '.join(differing)}")
    return found[0], min(seconds)


def kill_runs(
    scenario: Scenario,
    data: Path,
    folder: Path,
    kills: int,
    random: Random,
    expected: tuple[dict[str, str], float],
) -> Iterator[Killed]:
    """Train again and again, each time with one kill or a few, until there were so many.

    Args:
        scenario: The training.
        data: Folder of the data.
        folder: Where the runs' folders are made.
        kills: How many.
        random: Gives the moments.
        expected: From `reference`.

    Yields:
        Every training, once it has ended.

    Raises:
        BrokenError: If a command fails.
    """
    files, seconds = expected
    number = 0
    while kills > 0:
        number += 1
        own = folder / f"{number}"
        own.mkdir()
        moments: list[str] = []
        for before in range(min(kills, random.randint(1, _MOST_KILLS_OF_A_RUN))):
            child = scenario.launch(_arguments(scenario, data, own), own)
            # What goes on has less to do.
            if wait(child, random.uniform(0, seconds / (1 + before))) is not None:
                break  # done before the moment came
            child.kill()
            moments.append(_where(own / OUT))
        kills -= len(moments)
        if moments:
            _finish(scenario, data, own)
            yield Killed(moments, _differing(files, outcome(own / OUT)))


def _differing(files: dict[str, str], others: dict[str, str]) -> list[str]:
    both = sorted(files.keys() | others.keys())
    return [name for name in both if files.get(name) != others.get(name)]


def _finish(scenario: Scenario, data: Path, folder: Path) -> None:
    code = wait(scenario.launch(_arguments(scenario, data, folder), folder), _MOST_SECONDS)
    if code != 0:
        last = (folder / LOG).read_text(encoding="utf-8").strip().splitlines()[-1:]
        raise BrokenError(f"{scenario.name}, {folder}: exit code {code}: {' '.join(last)}")


def _arguments(scenario: Scenario, data: Path, folder: Path) -> list[str]:
    """The command that begins, or the one that goes on where something was begun."""
    begun = (folder / OUT / "experiment.json").exists()
    return ["train", "--resume", OUT] if begun else scenario.start(data)


def _where(out: Path) -> str:
    """How far a training had come when it was killed."""
    if not (out / "experiment.json").exists():
        return "before the plan"
    runs = sorted(path.parent for path in out.glob("*/seed-*/settings.json"))
    done = [run for run in runs if (run / "result.json").exists()]
    planned = len(json.loads((out / "experiment.json").read_text())["runs"])
    if len(done) == planned:
        return "after the last run"
    open_runs = [run for run in runs if run not in done]
    if not open_runs:
        return "between two runs" if done else "before the first run folder"
    if not (open_runs[0] / "last" / "state.safetensors").exists():
        return "in the first epoch of a run"
    return "after the first epoch of a run"
