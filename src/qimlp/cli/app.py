"""The command line as a whole: subcommands, errors, exit codes.

Exit codes: 0 done, 2 wrong input or a failed run (one line on standard error), 75 ended by
`--time-limit`, to be resumed, and as shells say it 130 interrupted, 143 terminated, 129 hung up,
141 where nobody reads standard output any more (`qimlp plan 784 10 | head -1`).
"""

import re
import sys
import traceback
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Annotated, Any

import typer

from qimlp._version import __version__
from qimlp.bench import WrongResultError
from qimlp.cli.analyze import analyze_command
from qimlp.cli.bench import bench_command
from qimlp.cli.compress import compress_command
from qimlp.cli.eval import eval_command
from qimlp.cli.export import export_command
from qimlp.cli.output.closed_output import (
    discard_output,
    flush_or_discard,
    is_closed_output,
    replace_unwritable,
    say,
)
from qimlp.cli.plan import plan_command
from qimlp.cli.predict import predict_command
from qimlp.cli.reproduce import reproduce_command
from qimlp.cli.signals import ending_signals, exit_code
from qimlp.cli.sweep import sweep_command
from qimlp.cli.train import train_command
from qimlp.data import first_line
from qimlp.distributed import is_first_to_say
from qimlp.files import printable, shown
from qimlp.training import NonFiniteLossError

_MISTAKES = (ValueError, TypeError, OSError, ImportError, NonFiniteLossError, WrongResultError)
_FAILED, _CLOSED = 2, 141
_LONGEST_LINE = 480
_TOO_LARGE = re.compile("allocate memory|out of memory|Storage size calculation overflowed", re.I)
# Wrong options, as the parser says it; newer versions of typer carry click inside.
_UsageError: Any = typer.BadParameter.__base__

app = typer.Typer(
    name="qimlp",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


class _InterruptedError(Exception):
    """Carries a KeyboardInterrupt past the parser, which would drop its message."""


def _add(name: str, command: Callable[..., None]) -> None:
    @wraps(command)
    def guarded(*arguments: Any, **options: Any) -> None:
        try:
            command(*arguments, **options)
        except KeyboardInterrupt as interrupt:
            raise _InterruptedError(str(interrupt) or "interrupted") from interrupt

    app.command(name)(guarded)


_add("plan", plan_command)
_add("train", train_command)
_add("sweep", sweep_command)
_add("eval", eval_command)
_add("predict", predict_command)
_add("compress", compress_command)
_add("export", export_command)
_add("reproduce", reproduce_command)
_add("analyze", analyze_command)
_add("bench", bench_command)


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"qimlp {__version__}")
        raise typer.Exit


@app.callback()
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
    try:
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
        if is_closed_output(error):
            return _end_quietly()
        if "--traceback" in arguments:
            traceback.print_exc()
        if not getattr(error, "told", False):  # by another process of the same training
            _say_once(f"error: {_one_line(error)}")
        flush_or_discard()
        return _FAILED
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and not _TOO_LARGE.search(str(error)):
            raise
        if "--traceback" in arguments:
            traceback.print_exc()
        say(f"error: not enough memory ({first_line(error)}); choose smaller sizes")
        return _FAILED
    return code if isinstance(code, int) else 0


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
