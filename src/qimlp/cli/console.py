"""Where the command writes: one console, plain where nobody watches."""

import json
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

_FILE_WIDTH = 140  # columns where the output is no terminal


def open_console() -> Console:
    """Make a console on standard output.

    Returns:
        A console that uses no control characters unless standard output is a terminal.
    """
    # No markup: names of classes, columns and files are the user's.
    console = _Console(highlight=False, soft_wrap=False, markup=False)
    if not console.is_terminal:
        console = _Console(highlight=False, width=_FILE_WIDTH, no_color=True, markup=False)
    return console


class _Console(Console):
    """One that leaves a closed standard output to the command, as rich before 13.8 did."""

    def on_broken_pipe(self) -> None:
        """Pass on the error that is being handled."""
        raise  # noqa: PLE0704 - rich calls this in its `except`


def make_table(title: str, columns: tuple[str, ...], *, left: int = 1) -> Table:
    """Make an empty table.

    Args:
        title: Stands above it.
        columns: Headings.
        left: How many columns, from the left, hold text; the others hold numbers.

    Returns:
        The table, to add rows to.
    """
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        header_style="bold",
        box=box.SIMPLE_HEAD,
    )
    for index, name in enumerate(columns):
        table.add_column(name, justify="left" if index < left else "right", overflow="fold")
    return table


def write_json(console: Console, value: Any) -> None:
    """Write a value as JSON, nothing else.

    Args:
        console: Where to.
        value: Anything JSON can hold.
    """
    console.print(json.dumps(value, indent=2), markup=False, soft_wrap=True)
