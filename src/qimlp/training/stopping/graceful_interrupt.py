"""Ctrl-C, and signals like it, that let the current step finish."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

from qimlp.distributed import launched_processes
from qimlp.training.engine.errors import TrainingInterrupted

_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


class GracefulInterrupt:
    """Context in which the first Ctrl-C sets a flag and the second one stops at once.

    SIGTERM (a machine that shuts down, a scheduler that wants its node back) and SIGHUP (a terminal
    that was closed) do the same, unless they are ignored, as under nohup. To one of several
    processes they may come twice, from the scheduler and from the launcher: that is one wish.
    Outside the main thread,
    where Python allows no signal handlers, it does nothing.

    Attributes:
        requested: Whether such a signal came.
    """

    def __init__(self) -> None:
        self.requested = False
        self._number: int = signal.SIGINT
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "GracefulInterrupt":
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                if number == signal.SIGINT or signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            if handler is not None:  # else it was none of Python's
                signal.signal(number, handler)
        if self.requested and isinstance(error, TrainingInterrupted):
            error.signal_number = self._number

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if self.requested and (number == signal.SIGINT or launched_processes() == 1):
            raise KeyboardInterrupt
        self.requested = True
        self._number = number
