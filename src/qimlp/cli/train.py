"""`qimlp train`: networks and seeds on one data set, then their comparison."""

from pathlib import Path
from typing import Annotated, Any

import typer

from qimlp.cli.options import COMMON, RUNS, option_in, setting_help, with_settings

_MODELS = "May be given several times. (default: table for a table, else 2b)"


@with_settings
def train_command(
    data: Annotated[
        str | None, typer.Argument(help=setting_help("data", required=True), show_default=False)
    ] = None,
    *,
    given: dict[str, Any],
    model: Annotated[
        list[str] | None,
        option_in(
            COMMON,
            setting_help("model", _MODELS, required=True),
            metavar="<name>",
        ),
    ] = None,
    seeds: Annotated[
        str | None, option_in(COMMON, "Seeds, such as 0,1,2: one run for each.", metavar="<list>")
    ] = None,
    out: Annotated[
        Path | None,
        option_in(COMMON, "Folder for the run folders; by default runs/.", metavar="<folder>"),
    ] = None,
    config: Annotated[
        Path | None,
        option_in(RUNS, "Settings file, .toml or .json; options win over it.", metavar="<file>"),
    ] = None,
    overwrite: Annotated[
        bool,
        option_in(
            RUNS, "Replace earlier runs; give up unfinished ones.", "--overwrite", metavar=""
        ),
    ] = False,
    resume_from: Annotated[
        Path | None,
        option_in(
            RUNS,
            "Continue a run folder, or all runs of an --out folder.",
            "--resume",
            metavar="<folder>",
        ),
    ] = None,
    from_sweep: Annotated[
        Path | None,
        option_in(
            RUNS,
            "Train what a sweep found: the folder of qimlp sweep. Only now is the test part read.",
            metavar="<folder>",
        ),
    ] = None,
    trial: Annotated[
        int | None,
        option_in(
            RUNS, "Which trial of --from-sweep; by default the best on dev.", metavar="<int>"
        ),
    ] = None,
    time_limit: Annotated[
        str | None,
        option_in(
            RUNS,
            "Stop before it is over, such as 2h30m, 90m or 45s, to be resumed: exit code 75.",
            metavar="<time>",
        ),
    ] = None,
) -> None:
    """Train networks on one data set and compare them."""
    from qimlp.cli.runs.train import Wishes, train  # noqa: PLC0415 - the help needs no torch

    wishes = Wishes(
        given=given if data is None else {**given, "data": data},
        models=model,
        seeds=seeds,
        out=out,
        config=config,
        overwrite=overwrite,
        resume_from=resume_from,
        from_sweep=from_sweep,
        trial=trial,
        time_limit=time_limit,
    )
    train(wishes)
