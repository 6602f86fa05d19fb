"""What the `qimlp` command does before torch loads, which takes a second; elsewhere nothing.

`qimlp/__init__.py` imports this first: it is the first code of ours that runs in the command.
"""

import os
import signal
import sys
import time
from contextlib import suppress
from types import FrameType
from typing import NoReturn


def prepare_command() -> None:
    """End the command in one line on Ctrl-C from now on, and have it write nowhere where closed."""
    _open_closed_streams()
    if "WORLD_SIZE" in os.environ:  # torch's own lines about a lost process, with a stack each
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    # Else it is ignored, or a caller's; outside the main thread Python allows no handlers.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        with suppress(ValueError):
            signal.signal(signal.SIGINT, _stop_at_once)


def end_of_loading() -> None:
    """Give Ctrl-C back its ordinary meaning."""
    if signal.getsignal(signal.SIGINT) is _stop_at_once:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _stop_at_once(_number: int, _frame: FrameType | None) -> NoReturn:
    """End the process while libraries load: some print or swallow an exception raised then."""
    with suppress(OSError):
        os.write(2, b"qimlp: interrupted\n")
    os._exit(130)


def _open_closed_streams() -> None:
    """Put the null device where a standard stream is closed, or the next file gets its number."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:  # the lowest number that is free
        os.set_inheritable(number, True)
    os.close(number)
    for name, number in (("stdout", 1), ("stderr", 2)):
        if getattr(sys, name) is None:
            stream = open(number, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)


def _is_command() -> bool:
    """Whether this process is the command: `qimlp ...` or `python -m qimlp ...`."""
    if os.path.basename(sys.argv[0] if sys.argv else "").partition(".")[0] == "qimlp":  # noqa: PTH119
        return True
    pairs = zip(sys.orig_argv, sys.orig_argv[1:], strict=False)
    return ("-m", "qimlp") in pairs


STARTED = time.monotonic() if _is_command() else None
"""When the command of this process began, as far as Python knows; None elsewhere."""

if STARTED is not None:
    prepare_command()
