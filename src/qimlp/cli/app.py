"""The command line as a whole: subcommands, errors, exit codes.

Exit codes: 0 done, 2 wrong input or a failed run (one line on standard error), 75 ended by
`--time-limit`, to be resumed, and as shells say it 130 interrupted, 143 terminated, 129 hung up,
141 where nobody reads standard output any more (`qimlp plan 784 10 | head -1`).
"""

import re
import sys
import traceback
from collections.abc import Callable, Collection, Sequence
from functools import wraps
from importlib import import_module
from typing import Annotated, Any

import typer

from qimlp._startup import end_of_loading
from qimlp._version import __version__
from qimlp.cli.missing import says_what_is_missing
from qimlp.cli.output.closed_output import (
    discard_output,
    flush_or_discard,
    is_closed_output,
    replace_unwritable,
    say,
)
from qimlp.cli.signals import ending_signals, exit_code
from qimlp.distributed import is_first_to_say
from qimlp.files import printable, shown
from qimlp.training import NonFiniteLossError

COMMANDS = {
    "plan": "List the factorisations of a layer, the recommended one first.",
    "train": "Train networks on one data set and compare them.",
    "sweep": "Search for good settings; the same command again goes on where it was interrupted.",
    "eval": "Evaluate a run's best network: on the test part where the data has one, else on all.",
    "predict": "Predict with a run's best network: one row per example, in order.",
    "compress": "Make a trained network smaller, and say what that costs.",
    "export": "Export a trained network; what comes out takes raw inputs.",
    "reproduce": "Run the paper's evaluation, going on where it was left, and write the report.",
    "analyze": "Measure the strong correlation of trained networks' layers, with its baselines.",
    "bench": "Time your layer, or a table of layers, against nn.Linear and the machine's floor.",
}
"""Every command in the order of the help, with its summary: the first line of its docstring.

The command `train` is `qimlp.cli.train.train_command`; it is imported where it runs.
"""

_MISTAKES = (ValueError, TypeError, OSError, ImportError, NonFiniteLossError)
_FAILED, _CLOSED = 2, 141
_LONGEST_LINE = 480
_TOO_LARGE = re.compile("allocate memory|out of memory|Storage size calculation overflowed", re.I)
# Wrong options, as the parser says it; newer versions of typer carry click inside.
_UsageError: Any = typer.BadParameter.__base__


class _InterruptedError(Exception):
    """Carries a KeyboardInterrupt past the parser, which would drop its message."""


def make_app(loaded: Collection[str] = tuple(COMMANDS)) -> typer.Typer:
    """Put the command line together.

    Args:
        loaded: The commands that are imported; of the others there is the summary alone.

    Returns:
        The command line of typer.
    """
    app = typer.Typer(
        name="qimlp",
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
    )
    app.callback()(_root)
    for name, summary in COMMANDS.items():
        if name in loaded:
            app.command(name)(_guarded(_load(name)))
        else:
            app.command(name, help=summary)(_summarised)
    return app


def _load(name: str) -> Callable[..., None]:
    with says_what_is_missing():
        command: Callable[..., None] = getattr(
            import_module(f"qimlp.cli.{name}"), f"{name}_command"
        )
    return command


def _guarded(command: Callable[..., None]) -> Callable[..., None]:
    """The command whose interruption the parser does not see."""

    @wraps(command)
    def guarded(*arguments: Any, **options: Any) -> None:
        try:
            command(*arguments, **options)
        except KeyboardInterrupt as interrupt:
            raise _InterruptedError(str(interrupt) or "interrupted") from interrupt

    return guarded


def _summarised() -> None:
    """Stand in the list of commands."""


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"qimlp {__version__}")
        raise typer.Exit


def _root(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
    _traceback: Annotated[  # taken out by `run`, so that it may stand anywhere
        bool, typer.Option("--traceback", help="Show where an error came from.")
    ] = False,
) -> None:
    """Small networks of Kronecker-structured layers: plan, train, evaluate, predict."""


def run(arguments: Sequence[str]) -> int:
    """Run one command.

    Args:
        arguments: What stands behind `qimlp` on the command line; none shows the help.

    Returns:
        The exit code.
    """
    own = [argument for argument in arguments if argument != "--traceback"] or ["--help"]
    replace_unwritable()
    wanted = next((word for word in own if not word.startswith("-")), "")
    try:
        app = make_app([wanted])
        end_of_loading()
        with ending_signals():
            code = app(own, standalone_mode=False, prog_name="qimlp")
        sys.stdout.flush()
    except (_InterruptedError, KeyboardInterrupt) as interrupt:  # in a command, or beside it
        _say_once(printable(str(interrupt) or "interrupted", _LONGEST_LINE))
        flush_or_discard()
        return exit_code(interrupt)
    except SystemExit as stop:  # what the parser makes of a closed pipe
        if stop.__context__ is None or not is_closed_output(stop.__context__):
            raise
        return _end_quietly()
    except (*_MISTAKES, _UsageError) as error:
        return _fail(error, arguments)
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and not _TOO_LARGE.search(str(error)):
            raise
        if "--traceback" in arguments:
            traceback.print_exc()
        from qimlp.data import first_line  # noqa: PLC0415 - the help needs no torch

        say(f"error: not enough memory ({first_line(error)}); choose smaller sizes")
        return _FAILED
    except _wrong_result() as error:
        return _fail(error, arguments)
    return code if isinstance(code, int) else 0


def _wrong_result() -> type[Exception]:
    """What a benchmark ends with that is no mistake in its input; asked for where it is raised."""
    from qimlp.bench import WrongResultError  # noqa: PLC0415 - the help needs no torch

    return WrongResultError


def _fail(error: Exception, arguments: Sequence[str]) -> int:
    """Say in one line what went wrong."""
    if is_closed_output(error):
        return _end_quietly()
    if "--traceback" in arguments:
        traceback.print_exc()
    if not getattr(error, "told", False):  # by another process of the same training
        _say_once(f"error: {_one_line(error)}")
    flush_or_discard()
    return _FAILED


def _say_once(line: str) -> None:
    """Write a line, unless another process of the same training did on this machine."""
    if is_first_to_say(line):
        say(line)


def _end_quietly() -> int:
    discard_output()
    return _CLOSED


def _one_line(error: BaseException) -> str:
    text = _usage(error) if isinstance(error, _UsageError) else str(error)
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        text = f"{where}{error.strerror}"
    return printable(" ".join(text.split()), _LONGEST_LINE) or type(error).__name__


def _usage(error: Any) -> str:
    """What the parser says, with the value that came where it names none."""
    text: str = error.format_message()
    refused: list[Any] = getattr(error.__context__, "errors", list)()
    if not refused or "Input should be" not in text:
        return text
    text = text.replace("should be greater", "should be a number greater")
    expected = text.replace("Input should be", "expected").partition(", unable to parse")[0]
    return f"{expected}, got {shown(refused[0]['input'], 80)}"
