"""What ends the command early, and the exit codes that say so.

Of a signal 128 and its number, as shells have it; of a time limit 75, which sysexits.h calls
EX_TEMPFAIL: try again later.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from qimlp.training import TimeLimitReached

_TIME_LIMIT = 75
_ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


class _Terminated(KeyboardInterrupt):
    """A signal other than Ctrl-C asks the command to end."""

    def __init__(self, number: int) -> None:
        super().__init__(f"ended by {signal.Signals(number).name}")
        self.signal_number = number


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    raise _Terminated(number)


@contextmanager
def ending_signals() -> Iterator[None]:
    """Have SIGTERM and SIGHUP end the command as Ctrl-C does: nothing stays half-written.

    A signal that is ignored, as under nohup, stays so.
    """
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in _ENDING:
            if signal.getsignal(number) is signal.SIG_DFL:
                before[number] = signal.signal(number, _end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def exit_code(error: BaseException | None) -> int:
    """Find the exit code of an interruption.

    Args:
        error: What was raised, from whatever else.

    Returns:
        128 and the number of the signal: 130 for Ctrl-C; 75 for a time limit.
    """
    while error is not None:
        if isinstance(error, TimeLimitReached):
            return _TIME_LIMIT
        number = getattr(error, "signal_number", None)
        if isinstance(number, int):
            return 128 + number
        error = error.__cause__
    return 128 + signal.SIGINT
