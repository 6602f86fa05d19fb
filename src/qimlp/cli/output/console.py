"""Where the command writes: one console, plain where nobody watches."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Column, Table
from rich.text import Text

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


class Notes:
    """Notes on runs, each printed once however many runs share it.

    Args:
        console: Where to.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._said: set[str] = set()

    def say(self, notes: Sequence[str]) -> None:
        """Print those that are new.

        Args:
            notes: One line each.
        """
        for note in notes:
            if note not in self._said:
                self._console.print(f"Note: {note}", markup=False, soft_wrap=True)
                self._said.add(note)


class _FittedTable(Table):
    """A table that neither cuts nor folds a number; where it does not fit it becomes a list."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Give the table if its narrowest form fits, else a list."""
        needs = [self._need(column) for column in self.columns]
        room = options.max_width - len(needs) - 1  # a blank between columns, and at the edges
        if sum(most + 2 for _, most in needs) > room:  # 2: more room, on each side of a value
            self.padding = (0, 0)
            spare = room - sum(least for least, _ in needs)
            if spare < 0:
                yield from self._as_list()
                return
            texts_first = sorted(range(len(needs)), key=lambda i: self.columns[i].justify != "left")
            for column, (least, most) in ((self.columns[i], needs[i]) for i in texts_first):
                column.width = least + min(spare, most - least)
                spare -= column.width - least
        yield from super().__rich_console__(console, options)

    def _need(self, column: Column) -> tuple[int, int]:
        """The least and the most characters that a column can use; headings may wrap."""
        cells = [str(cell) for cell in column.cells]
        heading = str(column.header)
        if column.justify == "left":  # texts may wrap too
            cells = [word for cell in cells for word in cell.split()] or [""]
        least = max(map(cell_len, [*cells, *heading.split()]), default=0)
        most = max(cell_len(heading), *(cell_len(str(cell)) for cell in column.cells), least)
        return least, most

    def _as_list(self) -> Iterator[Text]:
        """Each row under its own name, one line for each value."""
        if self.title:
            yield Text(str(self.title), style="bold")
        first, *others = [str(column.header) for column in self.columns]
        width = max(map(cell_len, others), default=0)
        for name, *values in zip(*(column.cells for column in self.columns), strict=True):
            yield Text(f"{first} {name}", style="bold", overflow="fold")
            for heading, value in zip(others, values, strict=True):
                if value:
                    yield Text(f"  {heading:<{width}}  {value}", overflow="fold")


def make_table(title: str, columns: tuple[str, ...], *, left: int = 1) -> Table:
    """Make an empty table.

    Args:
        title: Stands above it.
        columns: Headings.
        left: How many columns, from the left, hold text; the others hold numbers.

    Returns:
        The table, to add rows to.
    """
    table = _FittedTable(
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
