"""Learning-rate schedules, stepped once per optimizer step."""

import math
from typing import Any, Protocol

from torch import Tensor
from torch.optim import Optimizer

_RISE = 0.3
_START, _END = 25.0, 1e4


class Schedule(Protocol):
    """What a run asks of its schedule; torch's schedules are ones."""

    def step(self) -> None:
        """Set the rates of the next optimizer step."""

    def state_dict(self) -> dict[str, Any]:
        """Return where the schedule is, ready for JSON."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from there."""


class OneCycle:
    """One cycle of the learning rate (Smith and Topin 2018, arXiv 1708.07120).

    Over the first 0.3 of the steps the rate rises from 1/25 of its peak, then it falls to 1/10,000
    of where it began, both along half a cosine. It is torch's `OneCycleLR` as it comes, bit for
    bit; the checks in that one's `step` take a small network about as long as its update.

    Args:
        optimizer: Its groups' rates are the peaks.
        total_steps: Steps of the whole run, at least 2.
    """

    def __init__(self, optimizer: Optimizer, total_steps: int) -> None:
        self._optimizer = optimizer
        self._peaks = [float(group["lr"]) for group in optimizer.param_groups]
        self._top = float(_RISE * total_steps) - 1
        self._last = total_steps - 1
        self._done = 0
        self._set_rates()

    def step(self) -> None:
        """Set the rates of the next optimizer step."""
        self._done += 1
        self._set_rates()

    def state_dict(self) -> dict[str, Any]:
        """Return the steps done, under the name that torch's schedules have for them."""
        return {"last_epoch": self._done}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a state; the rates are the optimizer's.

        Args:
            state_dict: From `state_dict`, or that of a `OneCycleLR`.
        """
        self._done = state_dict["last_epoch"]

    def _set_rates(self) -> None:
        rising = self._done <= self._top
        if rising:
            part = self._done / self._top
        else:
            part = (self._done - self._top) / (self._last - self._top)
        turn = math.cos(math.pi * part) + 1
        for group, peak in zip(self._optimizer.param_groups, self._peaks, strict=True):
            low = peak / _START
            start, end = (low, peak) if rising else (peak, low / _END)
            rate = end + (start - end) / 2.0 * turn
            if isinstance(group["lr"], Tensor):  # a captured step reads it there
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate
