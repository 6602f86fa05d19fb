"""A sweep from the command line: its settings by options, data and recipes; what it shows."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from qimlp._startup import STARTED
from qimlp.cli.output.console import Notes, open_console
from qimlp.cli.output.encoding import show_encoding
from qimlp.cli.output.sweeps import show_sweep, sweep_reporter
from qimlp.cli.runs.plan import for_regression, for_tables, plan_runs
from qimlp.settings import TrainSettings, read_settings_file
from qimlp.sweeps import sweep
from qimlp.training import TimeLimit, keep_freed_memory, load_data, located


def run_sweep(
    given: Mapping[str, Any],
    *,
    config: Path | None,
    search: Sequence[str],
    time_limit: str | None,
    **options: Any,
) -> None:
    """Search, and show what came of it.

    Args:
        given: Settings that were given as options.
        config: A settings file.
        search: What is searched.
        time_limit: Such as `2h30m`.
        options: What else `qimlp.sweeps.sweep` takes.

    Raises:
        ValueError: If something is searched that an option sets, or what `sweep` refuses.
        TrainingInterrupted: On Ctrl-C; finished trials are kept.
        TimeLimitReached: At the time limit, likewise.
        OSError: If data or storage cannot be reached, or something cannot be written.
    """
    keep_freed_memory()
    if time_limit is not None:
        options["time_limit"] = TimeLimit.parse(time_limit, since=STARTED)
    _require_unfixed(search, given)
    file = {} if config is None else read_settings_file(config)
    source = "settings" if config is None else str(config)
    console = open_console()
    models = [given["model"]] if "model" in given else None
    settings_given = {name: value for name, value in given.items() if name != "model"}
    chosen = {*given, *file}

    def plan(**more: Any) -> list[TrainSettings]:
        return plan_runs({**settings_given, **more}, models, None, file, source)

    settings = located(plan()[0])
    with show_encoding(console):
        loaded = load_data(settings)
        runs, notes = for_regression([settings], loaded, plan, chosen)
        runs, more = for_tables(runs, lambda _: loaded, chosen, console)
        Notes(console).say([*notes, *more])
        with sweep_reporter(console) as reporter:
            result = sweep(
                runs[0], search=search, fixed=chosen, loaded=loaded, on_event=reporter, **options
            )
    show_sweep(console, result)


def _require_unfixed(search: Sequence[str], given: Mapping[str, Any]) -> None:
    """Refuse to search what another option sets."""
    for text in search:
        name = text.partition("=")[0].strip().replace("-", "_")
        if name in given:
            raise ValueError(
                f"--search {name}: it is set to one value as well; leave out one of the options"
            )
