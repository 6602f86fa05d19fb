"""`qimlp sweep`: a search over settings, judged by the dev part and by parameters."""

from pathlib import Path
from typing import Annotated, Any

import typer

from qimlp.cli.options import COMMON, RUNS, option_in, setting_help, with_settings
from qimlp.cli.output.console import Notes, open_console
from qimlp.cli.output.encoding import show_encoding
from qimlp.cli.runs.plan import for_regression, for_tables, plan_runs
from qimlp.settings import TrainSettings, read_settings_file
from qimlp.training import keep_freed_memory, load_data, located

_SEARCH = "Search"

_Data = Annotated[
    str | None, typer.Argument(help=setting_help("data", required=True), show_default=False)
]
_Search = Annotated[
    list[str] | None,
    option_in(
        COMMON,
        "A setting to search: its name, or with values (rank=1,2,4) or a range "
        "(lr=1e-4..1e-1); may be given several times. By default what matters for the network, "
        "but for what other options set.",
        metavar="<what>",
    ),
]
_Trials = Annotated[
    int, option_in(COMMON, "How many trials in all. (default: 20)", metavar="<int>")
]
_Objectives = Annotated[
    list[str] | None,
    option_in(
        COMMON,
        "What counts: metric (on the dev part) or parameters; may be given twice. (default: "
        "both, for the Pareto front)",
        metavar="<name>",
    ),
]
_Sampler = Annotated[
    str,
    option_in(
        _SEARCH,
        "tpe, which goes by the finished trials, or random. (default: tpe)",
        metavar="<name>",
    ),
]
_Prune = Annotated[
    bool,
    option_in(
        _SEARCH,
        "Give up trials that are worse than the median of the finished ones, or train every "
        "one to its end. (default: prune)",
        "--prune/--no-prune",
        metavar="",
    ),
]
_Workers = Annotated[
    int,
    option_in(
        COMMON, "Processes that train at a time on this machine. (default: 1)", metavar="<int>"
    ),
]
_Storage = Annotated[
    str | None,
    option_in(
        _SEARCH,
        "Where trials are kept: a .db file (SQLite, for one machine), a .journal file on a "
        "disk that machines share, or postgresql://USER@HOST/DATABASE; by default a file in "
        "the --out folder.",
        metavar="<where>",
    ),
]
_Name = Annotated[
    str | None,
    option_in(
        _SEARCH, "Name of the sweep in its storage; by default the data's.", metavar="<name>"
    ),
]
_Out = Annotated[
    Path | None,
    option_in(COMMON, "Folder of the sweep; by default runs/sweep-DATA.", metavar="<folder>"),
]
_Config = Annotated[
    Path | None,
    option_in(RUNS, "Settings file, .toml or .json; options win over it.", metavar="<file>"),
]


@with_settings
def sweep_command(
    data: _Data = None,
    *,
    given: dict[str, Any],
    search: _Search = None,
    trials: _Trials = 20,
    objective: _Objectives = None,
    sampler: _Sampler = "tpe",
    prune: _Prune = True,
    workers: _Workers = 1,
    storage: _Storage = None,
    name: _Name = None,
    out: _Out = None,
    config: _Config = None,
) -> None:
    """Search for good settings; the same command again goes on where it was interrupted."""
    # Optuna is an extra, and slow to load.
    from qimlp.cli.output.sweeps import show_sweep, sweep_reporter  # noqa: PLC0415
    from qimlp.sweeps import sweep  # noqa: PLC0415

    keep_freed_memory()
    if data is not None:
        given = {**given, "data": data}
    file = {} if config is None else read_settings_file(config)
    source = "settings" if config is None else str(config)
    console = open_console()
    _require_unfixed(search or [], given)
    model = given.pop("model", None)
    chosen = {*given, *file, *({"model"} if model else ())}

    def plan(**more: Any) -> list[TrainSettings]:
        return plan_runs({**given, **more}, [model] if model else None, None, file, source)

    settings = located(plan()[0])
    with show_encoding(console):
        loaded = load_data(settings)
        runs, notes = for_regression([settings], loaded, plan, chosen)
        runs, more = for_tables(runs, lambda _: loaded, chosen, console)
        Notes(console).say([*notes, *more])
        with sweep_reporter(console) as reporter:
            result = sweep(
                runs[0],
                search=search or (),
                fixed=chosen,
                trials=trials,
                objectives=objective or ("metric", "parameters"),
                sampler=sampler,
                prune=prune,
                workers=workers,
                out=out,
                storage=storage,
                name=name,
                loaded=loaded,
                on_event=reporter,
            )
    show_sweep(console, result)


def _require_unfixed(search: list[str], given: dict[str, Any]) -> None:
    """Refuse to search what another option sets."""
    for text in search:
        name = text.partition("=")[0].strip().replace("-", "_")
        if name in given:
            raise ValueError(
                f"--search {name}: it is set to one value as well; leave out one of the options"
            )
