"""A sweep on the console: one line for each finished trial, then the leaderboard and the front."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from qimlp.cli.output.console import Notes, make_table
from qimlp.files import printable
from qimlp.sweeps import (
    OnSweepEvent,
    SweepEvent,
    SweepResult,
    SweepStarted,
    TrialFinished,
    TrialResult,
)

_LEADERS = 10


@contextmanager
def sweep_reporter(console: Console) -> Iterator[OnSweepEvent]:
    """Report a sweep as it goes on; on a terminal with a bar for all trials.

    Args:
        console: Where to.

    Yields:
        What is to be called with every event.
    """
    parts = (TextColumn("trials"), BarColumn(bar_width=24), MofNCompleteColumn())
    bar = Progress(*parts, TimeRemainingColumn(), console=console, disable=not console.is_terminal)
    with bar:
        yield _Reporter(console, bar)


class _Reporter:
    def __init__(self, console: Console, bar: Progress) -> None:
        self._console = console
        self._bar = bar
        self._done = 0
        self._trials = 0
        self._task = bar.add_task("trials", total=None)

    def __call__(self, event: SweepEvent) -> None:
        """Say what happened."""
        if isinstance(event, SweepStarted):
            self._begin(event)
        elif isinstance(event, TrialFinished):
            self._done += 1
            self._bar.update(self._task, completed=self._done)
            self._say(f"[{self._done}/{self._trials}] {_line(event.result)}")

    def _begin(self, event: SweepStarted) -> None:
        Notes(self._console).say(event.notes)
        for name, dimension in event.space.items():
            self._say(f"Searching {name}: {printable(dimension.shown(), 200)}")
        before = f", {event.finished} of them finished before" if event.finished else ""
        threads = (
            "" if event.threads is None else f", each on {_count(event.threads, 'CPU thread')}"
        )
        self._say(
            f"{_count(event.trials, 'trial')}{before}, kept in {event.storage}; "
            f"{_count(event.workers, 'worker')}{threads}"
        )
        self._done, self._trials = event.finished, event.trials
        self._bar.update(self._task, total=event.trials, completed=event.finished)

    def _say(self, text: str) -> None:
        self._console.print(text, markup=False, soft_wrap=True)


def show_sweep(console: Console, result: SweepResult) -> None:
    """Show the best trials, the front, and where everything lies.

    Args:
        console: Where to.
        result: With a complete trial.
    """
    leaders = result.leaderboard[:_LEADERS]
    _show(console, f"{result.settings.data_name}: the best trials on dev", leaders, result)
    if "parameters" in result.objectives:
        title = "The front: none is better with as few parameters"
        _show(console, title, result.front, result)
    counts = [
        f"{sum(trial.state == state for trial in result.trials)} {state}"
        for state in ("complete", "pruned", "failed")
    ]
    console.print(f"Trials: {', '.join(counts)}", soft_wrap=True)
    console.print(f"Files: {result.folder}", markup=False, soft_wrap=True)
    console.print(
        f"To train one and read the test part: qimlp train --from-sweep {result.folder} "
        f"--trial {leaders[0].number}",
        markup=False,
        soft_wrap=True,
    )


def _show(console: Console, title: str, trials: Sequence[TrialResult], result: SweepResult) -> None:
    heads = ("trial", f"dev {result.metric}", "parameters", "epoch", *result.searched)
    table = make_table(title, heads)
    for trial in trials:
        params = [_short(trial.params.get(name)) for name in result.searched]
        numbers = (f"{trial.metric:.4f}", f"{trial.parameters:,}", str(trial.best_epoch))
        table.add_row(str(trial.number), *numbers, *params)
    console.print(table)


def _line(trial: TrialResult) -> str:
    params = ", ".join(f"{name} {_short(value)}" for name, value in trial.params.items())
    if trial.state == "failed":
        return f"trial {trial.number} failed: {trial.reason}  ({params})"
    size = f"{trial.parameters:,} parameters, {trial.seconds:.1f} s"
    if trial.state == "pruned":
        return (
            f"trial {trial.number} pruned at dev {trial.metric:.4f} after epoch "
            f"{len(trial.curve)}, {size}  ({params})"
        )
    return f"trial {trial.number} dev {trial.metric:.4f}, {size}  ({params})"


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else printable(str(value), 60)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number:,} {what}s"
