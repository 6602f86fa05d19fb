"""`qimlp sweep`: a search over settings, judged by the dev part and by parameters."""

from pathlib import Path
from typing import Annotated, Any

import typer

from qimlp.cli.options import COMMON, RUNS, option_in, setting_help, with_settings

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

_TimeLimit = Annotated[
    str | None,
    option_in(
        RUNS,
        "Stop before it is over, such as 2h30m, 90m or 45s; the same command goes on: code 75.",
        metavar="<time>",
    ),
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
    time_limit: _TimeLimit = None,
) -> None:
    """Search for good settings; the same command again goes on where it was interrupted."""
    from qimlp.cli.runs.sweep import run_sweep  # noqa: PLC0415 - the help needs no torch

    run_sweep(
        given if data is None else {**given, "data": data},
        config=config,
        search=search or (),
        trials=trials,
        objectives=objective or ("metric", "parameters"),
        sampler=sampler,
        prune=prune,
        workers=workers,
        out=out,
        storage=storage,
        name=name,
        time_limit=time_limit,
    )
