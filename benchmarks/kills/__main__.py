"""Kills trainings with SIGKILL at random moments: `python -m benchmarks.kills --kills 50`.

Every run must go on and end bit for bit as one that was never killed: weights, state, metrics,
curves, checkpoints, result and comparison; times alone may differ.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random

import torch

from benchmarks.kills.killing import BrokenError, kill_runs, reference
from benchmarks.kills.scenarios import SCENARIOS, Scenario, write_data

_SLOW_TO_LOAD = ("matplotlib.pyplot", "tensorboard.summary.writer.record_writer", "sklearn")
_USUAL = tuple(scenario.name for scenario in SCENARIOS if scenario.name != "processes")


def main(arguments: Sequence[str]) -> int:
    """Run the program.

    Args:
        arguments: Its command line.

    Returns:
        0 where every run ended as it should, else 1.
    """
    options = _parser()
    given = options.parse_args(arguments)
    if given.kills < 1:
        options.error(f"--kills: expected at least 1, got {given.kills}")
    if not hasattr(os, "fork"):
        options.error("this system has no fork")
    torch.set_num_threads(1)
    for name in _SLOW_TO_LOAD:
        importlib.import_module(name)
    chosen = [scenario for scenario in SCENARIOS if scenario.name in given.scenarios]
    random, failed = Random(given.seed), 0  # noqa: S311 - moments, no secrets
    with tempfile.TemporaryDirectory() as place:
        write_data(Path(place))
        for number, scenario in enumerate(chosen):
            share = given.kills // len(chosen) + (number < given.kills % len(chosen))
            if share:
                failed += _report(scenario, Path(place), share, random)
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog="python -m benchmarks.kills", description=__doc__)
    options.add_argument("--kills", type=int, default=50, help="over all scenarios (default: 50)")
    options.add_argument("--seed", type=int, default=0, help="of the moments (default: 0)")
    options.add_argument(
        "--scenarios",
        nargs="+",
        default=_USUAL,
        choices=[scenario.name for scenario in SCENARIOS],
        help=f"default: {' '.join(_USUAL)}; processes takes torchrun",
    )
    return options


def _report(scenario: Scenario, place: Path, kills: int, random: Random) -> int:
    """Print a line; return how many runs were not as they should be."""
    folder = place / scenario.name
    folder.mkdir()
    moments: Counter[str] = Counter()
    runs = failed = 0
    try:
        expected = reference(scenario, place, folder)
        for killed in kill_runs(scenario, place, folder, kills, random, expected):
            runs += 1
            moments.update(killed.moments)
            if killed.differing:
                failed += 1
                print(f"{scenario.name}: other than without a kill: {', '.join(killed.differing)}")
    except (BrokenError, ValueError) as error:
        print(f"{scenario.name}: {error}")
        return failed + 1
    found = ", ".join(f"{count} {where}" for where, count in moments.most_common())
    print(
        f"{scenario.name}: {moments.total()} kills of {runs} runs of {expected[1]:.1f} s "
        f"({found}); {runs - failed} runs ended as without a kill, {len(expected[0])} files each"
    )
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
