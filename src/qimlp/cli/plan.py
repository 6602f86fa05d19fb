"""`qimlp plan`: the factorisations of a layer to choose from."""

from typing import Annotated

import typer

from qimlp import plan
from qimlp.cli.output.console import make_table, open_console, write_json

_COLUMNS = (
    "in",
    "out",
    "matrix rank",
    "parameters",
    "compression",
    "multiply-adds",
    "predicted cost",
    "note",
)


def plan_command(
    in_features: Annotated[int, typer.Argument(help="Width of the input.")],
    out_features: Annotated[int, typer.Argument(help="Width of the output.")],
    *,
    factors: Annotated[int, typer.Option(help="Number of factors (bodies).")] = 2,
    rank: Annotated[int, typer.Option(help="Number of summed Kronecker products.")] = 1,
    batch: Annotated[int, typer.Option(help="Rows for which the cost is predicted.")] = 50,
    limit: Annotated[int, typer.Option(help="How many to show at most.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the factorisations of a layer, the recommended one first."""
    plans = plan(in_features, out_features, factors, rank, batch=batch, limit=limit)
    console = open_console()
    if as_json:
        write_json(console, [row.to_dict() for row in plans])
        return
    title = f"{in_features} -> {out_features}, {factors} factors, rank {rank}"
    table = make_table(title, _COLUMNS, left=2)
    table.columns[-1].justify = "left"
    table.columns[-1].no_wrap = False
    for row in plans:
        table.add_row(
            "x".join(map(str, row.in_dims)),
            "x".join(map(str, row.out_dims)),
            f"{row.matrix_rank:,}",
            f"{row.parameters:,}",
            f"{row.compression:.1f}x",
            f"{row.multiply_adds:,}",
            f"{row.predicted_cost:.2f}",
            row.note,
        )
    console.print(table)
    if plans[0].search:
        console.print(f"{plans[0].search.capitalize()}.")
    console.print(
        "Matrix rank: the largest that the weight can have. "
        "Compression: against nn.Linear of the same width. Predicted cost: time over that of "
        "nn.Linear, forward and backward; below 1 is faster. A model, not a measurement."
    )
