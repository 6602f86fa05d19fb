"""How long something has stayed the same, by this process's own clock."""

import time
from typing import Any


class Watch:
    """Sees whether a sign of life still changes.

    Nobody's clock is compared with that of another machine: what counts is how long the sign has
    stayed the same here.

    Args:
        grace_s: Seconds without a change after which there is no life.
    """

    def __init__(self, grace_s: float) -> None:
        self._grace_s = grace_s
        self._seen: Any = None
        self._since = time.monotonic()

    def is_over(self, sign: Any) -> bool:
        """Look at the sign.

        Args:
            sign: What it is now.

        Returns:
            True if it has not changed for the grace period.
        """
        now = time.monotonic()
        if sign != self._seen:
            self._seen, self._since = sign, now
        return now - self._since > self._grace_s
