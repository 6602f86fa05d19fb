"""What the failure of one process becomes in the others."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import TracebackType

from qimlp.distributed.launcher import launched_processes
from qimlp.distributed.meeting import ProcessLostError, current_meeting

_OF_NETWORK = re.compile(
    r"gloo|nccl|connection (closed|reset|refused)|timed out|timeout|pair closure|broken pipe|"
    r"DDP expects",
    re.I,
)

_UNKNOWN = ProcessLostError("another process has ended or does not answer")


class Failures:
    """Context in which processes that work together tell each other why they end.

    An error inside is noted for the others; where another one is the cause, as when an exchange
    with it breaks off, `ProcessLostError` takes the place of torch's error.

    Args:
        advice: Called when another process is lost; says how to go on, or nothing.
    """

    def __init__(self, advice: Callable[[], str] = str) -> None:
        self._advice = advice

    def __enter__(self) -> Failures:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None or launched_processes() == 1:
            return
        meeting, lost = current_meeting(), None
        if isinstance(error, ProcessLostError):
            lost = error
        elif isinstance(error, RuntimeError) and _OF_NETWORK.search(str(error)):
            lost = _UNKNOWN if meeting is None else meeting.loss()
        if lost is None and meeting is not None:
            meeting.note_failure(_reason(error))
        advice = "" if lost is None else self._advice()
        if lost is not None and advice not in str(lost):
            raise ProcessLostError(f"{lost}; {advice}", told=lost.told) from error
        if lost is not None and lost is not error:
            raise lost from error


def _reason(error: BaseException) -> str:
    """What the others are told of an error, in one line."""
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}"
    stopped = "it was interrupted" if isinstance(error, KeyboardInterrupt) else type(error).__name__
    return " ".join(str(error).split()) or stopped


def is_first_to_say(line: str) -> bool:
    """Whether no process of this machine has said a line yet.

    Args:
        line: Of an error that several processes may meet with.

    Returns:
        True for the first that asks, without a launcher, and where it cannot be known.
    """
    meeting = current_meeting()
    return meeting is None or meeting.is_first_to_say(line)
