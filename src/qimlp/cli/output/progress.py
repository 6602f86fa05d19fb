"""Training as it goes on: a bar on a terminal, one line per epoch elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from qimlp.cli.output.closed_output import is_hung_up
from qimlp.cli.output.console import Notes
from qimlp.files import printable
from qimlp.tasks import KINDS
from qimlp.training import EpochDone, Event, RunFinished, RunStarted, StepsDone

_WIDE = 130  # columns of a terminal that shows everything; a narrower one does without the bar
_NUMBERS_WIDTH = 46  # of epoch, loss, metric and time
_LEAST_NAME = 14


class Reporter(Protocol):
    """Something to call with events, inside a `with`."""

    def __call__(self, event: Event) -> None:
        """Take an event.

        Args:
            event: From a run.
        """

    def __enter__(self) -> "Reporter": ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


def open_reporter(console: Console, runs: int) -> Reporter:
    """Choose how to report.

    Args:
        console: Where to.
        runs: How many runs there will be.

    Returns:
        A bar where the console is a terminal, lines elsewhere.
    """
    kind = BarReporter if console.is_terminal else LineReporter
    return _Lasting(kind(console, runs))


class _Lasting:
    """Goes on in silence once the terminal is gone: that need not end the training.

    Args:
        reporter: Reports as long as there is a terminal, or a pipe that is read.
    """

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._gone = False

    def __enter__(self) -> "_Lasting":
        self._reporter.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._heard():
            self._reporter.__exit__(kind, error, trace)

    def __call__(self, event: Event) -> None:
        """Report an event, if anybody can see it.

        Args:
            event: From a run.
        """
        if not self._gone:
            with self._heard():
                self._reporter(event)

    @contextmanager
    def _heard(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if not is_hung_up(error):
                raise
            self._gone = True


class LineReporter:
    """One line per epoch, without control characters.

    Args:
        console: Where to.
        runs: How many runs there will be.
    """

    def __init__(self, console: Console, runs: int) -> None:
        self._console = console
        self._notes = Notes(console)
        self._runs = runs
        self._run = 0
        self._name = ""
        self._task = ""
        self._epochs = 0
        self._speed = 0.0

    def __enter__(self) -> "LineReporter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def __call__(self, event: Event) -> None:
        """Say what happened.

        Args:
            event: From a run.
        """
        if isinstance(event, RunStarted):
            self._notes.say(event.notes)
            self._run += 1
            self._name = f"[{self._run}/{self._runs}] {event.label} seed {event.seed}"
            self._epochs = event.epochs
            self._task = event.task
            self._say(f"{event.data}, {event.parameters:,} parameters, in {event.folder}")
        elif isinstance(event, StepsDone):
            self._speed = event.samples_per_second
        elif isinstance(event, EpochDone):
            self._say(
                f"epoch {event.epoch}/{self._epochs}  loss {event.train_loss:.4f}  "
                f"{_dev(event, self._task)}  {self._speed:,.0f} samples/s"
            )
        elif isinstance(event, RunFinished):
            result = event.result
            self._say(
                f"test {result.test[result.main_metric.name]:.4f} with the weights of epoch "
                f"{result.best_epoch}"
            )

    def _say(self, text: str) -> None:
        self._console.print(f"{self._name}  {text}", markup=False, soft_wrap=True)


class BarReporter:
    """A bar for the run and, with several runs, one for all of them.

    Args:
        console: A terminal.
        runs: How many runs there will be.
    """

    def __init__(self, console: Console, runs: int) -> None:
        self._narrow = console.width < _WIDE
        self._room = console.width - _NUMBERS_WIDTH if self._narrow else console.width
        bar = () if self._narrow else (BarColumn(bar_width=24), MofNCompleteColumn())
        name, numbers = TextColumn("{task.description}"), TextColumn("{task.fields[numbers]}")
        self._bars = Progress(name, *bar, numbers, TimeRemainingColumn(), console=console)
        self._notes = Notes(console)
        self._runs = runs
        self._finished = 0
        self._all: TaskID | None = None
        self._now: TaskID | None = None
        self._score = ""
        self._task = ""
        self._steps = 0

    def __enter__(self) -> "BarReporter":
        self._bars.start()
        if self._runs > 1:
            self._all = self._bars.add_task("all runs", total=None, numbers="")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def __call__(self, event: Event) -> None:
        """Move the bars.

        Args:
            event: From a run.
        """
        if isinstance(event, RunStarted):
            self._start(event)
        elif isinstance(event, StepsDone):
            self._move(event)
        elif isinstance(event, EpochDone):
            self._score = _dev(event, self._task)
        elif isinstance(event, RunFinished):
            self._finish(event)

    def _start(self, event: RunStarted) -> None:
        self._notes.say(event.notes)
        self._steps = event.epochs * event.steps_per_epoch
        self._score = ""
        self._task = event.task
        self._now = self._bars.add_task(
            printable(f"{event.label} seed {event.seed}", max(self._room, _LEAST_NAME)),
            total=self._steps,
            completed=event.done_steps,
            numbers="",
        )

    def _move(self, event: StepsDone) -> None:
        if self._now is None:
            return
        numbers = f"epoch {event.epoch}  loss {event.loss:.4f}  {self._score}"
        if not self._narrow:
            numbers += f"  {event.samples_per_second:,.0f} samples/s"
        self._bars.update(self._now, completed=event.step, numbers=numbers)
        self._move_all(event.step)

    def _move_all(self, step: int) -> None:
        """All runs count as long as the present one."""
        if self._all is not None:
            total, done = self._runs * self._steps, self._finished * self._steps + step
            self._bars.update(self._all, total=total, completed=done)

    def _finish(self, event: RunFinished) -> None:
        if self._now is not None:
            result = event.result
            value = result.test[result.main_metric.name]
            numbers = f"test {value:.4f}  (epoch {result.best_epoch})"
            self._bars.update(self._now, completed=self._steps, numbers=numbers)
        self._finished += 1
        self._move_all(0)


def _dev(epoch: EpochDone, task: str) -> str:
    """The main metric on dev."""
    return f"dev {epoch.dev[KINDS[task].metrics[0].name]:.4f}"
