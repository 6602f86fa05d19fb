"""The trial of a sweep that was chosen, as runs with a folder and a test result."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qimlp.cli.options import spelled
from qimlp.cli.runs.plan import parse_seeds
from qimlp.settings import GROUPS, TrainSettings

_FREE = frozenset(GROUPS["compute"].model_fields) - {"seed", "dtype", "mixed_precision"}
"""Where it computes and what it writes down: these decide no result."""


def runs_of_sweep(
    folder: Path, trial: int | None, given: Mapping[str, Any], seeds: str | None, others: list[str]
) -> list[TrainSettings]:
    """Read the settings of a trial.

    Args:
        folder: Of the sweep.
        trial: Its number; None for the best on dev.
        given: Settings that were given as options.
        seeds: Seeds, as they were given; the sweep's by default.
        others: Further options that were given, by their names, which are the trial's to say.

    Returns:
        The settings of one run for each seed.

    Raises:
        FileNotFoundError: If there is no sweep.
        ValueError: If there is no such complete trial, or an option contradicts it.
    """
    from qimlp.sweeps import read_sweep  # noqa: PLC0415 - slow to load

    refused = [
        *others,
        *("DATA" if name == "data" else spelled(name) for name in given.keys() - _FREE),
    ]
    if refused:
        raise ValueError(
            f"--from-sweep takes the settings of the trial: leave out {', '.join(sorted(refused))}"
        )
    settings = read_sweep(folder).settings_of(trial).replace(**given)
    if seeds is None:
        return [settings]
    return [settings.replace(seed=seed) for seed in parse_seeds(seeds)]
