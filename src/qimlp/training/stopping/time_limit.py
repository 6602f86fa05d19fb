"""A limit of time that a training ends before, with its state on disk."""

import math
import re
import time
from collections.abc import Callable

from qimlp.files import shown

_SECONDS = {"d": 86_400, "h": 3600, "m": 60, "s": 1}
_SPELLED = re.compile("".join(rf"(?:(\d{{1,9}}(?:\.\d{{1,6}})?){unit})?" for unit in _SECONDS))
_KEPT_PART, _MOST_KEPT_SECONDS = 0.1, 60.0


class TimeLimit:
    """Ends what takes long before a time is over.

    It stops while there is time left to write the state: twice as long as the longest wait so far
    between two looks at the clock, and a tenth of the limit, a minute at most, in any case. There
    is a look after every optimizer step and one after every epoch, so the longest wait is a step,
    or an epoch's evaluation with all that is written then. Several processes look at every check
    of the loss, and stop together.

    Args:
        seconds: The limit, above 0.
        since: When it began, by `time.monotonic()`; by default now.

    Raises:
        ValueError: If the limit is not a positive number.
    """

    def __init__(self, seconds: float, *, since: float | None = None) -> None:
        if not 0 < seconds < math.inf:
            raise ValueError(f"time limit: expected more than 0 seconds, got {seconds}")
        self._text = f"{seconds:g}s"
        self._end = (time.monotonic() if since is None else since) + seconds
        self._kept = min(_KEPT_PART * seconds, _MOST_KEPT_SECONDS)
        self._longest_wait = 0.0

    @classmethod
    def parse(cls, text: str, *, since: float | None = None) -> "TimeLimit":
        """Read a limit as it is written: `2h30m`, `90m`, `45s`, `1d`.

        Args:
            text: Days, hours, minutes and seconds, in this order.
            since: When it began; see the class.

        Returns:
            The limit.

        Raises:
            ValueError: If it is not written so, or 0.
        """
        found = _SPELLED.fullmatch(text)
        numbers = found.groups() if found else ()
        seconds = sum(
            float(number) * unit
            for number, unit in zip(numbers, _SECONDS.values(), strict=False)
            if number is not None
        )
        if not seconds:
            raise ValueError(
                f"time limit: expected a time such as 2h30m, 90m or 45s, got {shown(text, 80)}"
            )
        limit = cls(seconds, since=since)
        limit._text = text
        return limit

    def __str__(self) -> str:
        """Return the limit as it was given."""
        return self._text

    def left(self) -> float:
        """Return the seconds until the limit; below 0 behind it."""
        return self._end - time.monotonic()

    def is_over(self, waits: float = 1.0) -> bool:
        """Whether it is time to stop.

        Args:
            waits: How long what comes next takes, in the longest waits so far; there is to be
                time for one more behind it, to write the state.

        Returns:
            True where there would not be time enough left.
        """
        return self.left() <= max(self._kept, (waits + 1) * self._longest_wait)

    def watch(self) -> Callable[[], bool]:
        """Begin to look at the clock, at the start of one training.

        Returns:
            What a `Trainer` takes as `should_stop`.
        """
        before = time.monotonic()

        def look() -> bool:
            nonlocal before
            now = time.monotonic()
            self._longest_wait = max(self._longest_wait, now - before)
            before = now
            return self.is_over()

        return look
