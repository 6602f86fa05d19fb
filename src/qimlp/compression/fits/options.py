"""What a layer can be replaced by, on its way from fewest parameters to dense."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qimlp.compression.fits.layouts import Curve, Layout

Allowed = Callable[[str, Layout, int], bool]


@dataclass(frozen=True)
class Choice:
    """What a layer is replaced by.

    Attributes:
        layout: Its layout.
        rank: Number of summed products.
        parameters: Parameters after, bias included.
        error: Relative output error that its curve tells.
    """

    layout: Layout
    rank: int
    parameters: int
    error: float


@dataclass(frozen=True)
class Options:
    """Choices of a layer, more parameters and a smaller error from each to the next; last dense.

    Attributes:
        name: The layer's name.
        choices: None stands for dense.
        parameters: Of every choice.
        errors: Relative output error of every choice.
    """

    name: str
    choices: list[Choice | None]
    parameters: NDArray[np.int64]
    errors: NDArray[np.float64]

    @property
    def dense(self) -> int:
        """Parameters of the dense layer."""
        return int(self.parameters[-1])

    def within(self, most: float) -> int:
        """The best choice of at most so many parameters, or the smallest of all."""
        return max(0, int(np.searchsorted(self.parameters, most, side="right")) - 1)


def options_of(name: str, curves: Sequence[Curve], allowed: Allowed | None) -> Options:
    """Keep the choices of a layer than which none is both smaller and better.

    Args:
        name: The layer's name, for `allowed`.
        curves: Of its layouts, one or more.
        allowed: Called with name, layout and rank; None allows all.
    """
    dense = curves[0].dense_parameters
    found = []
    for curve in curves:
        for rank in range(1, _last_rank(name, curve, allowed) + 1):
            parameters = curve.parameters(rank)
            if parameters >= dense:
                break
            found.append(Choice(curve.layout, rank, parameters, curve.errors[rank]))
    found.sort(key=lambda each: (each.parameters, each.error))
    kept: list[Choice | None] = []
    least = float("inf")
    for choice in found:
        if choice.error < least:
            kept.append(choice)
            least = choice.error
    kept.append(None)
    sizes = np.array([dense if each is None else each.parameters for each in kept])
    errors = np.array([0.0 if each is None else each.error for each in kept])
    return Options(name, kept, sizes, errors)


def _last_rank(name: str, curve: Curve, allowed: Allowed | None) -> int:
    """The largest rank that is allowed, 0 if none is."""
    last = len(curve.errors) - 1
    if allowed is None or (last and allowed(name, curve.layout, last)):
        return last
    low, high = 0, last  # allowed (or 0), and not allowed
    while high - low > 1:
        middle = (low + high) // 2
        if allowed(name, curve.layout, middle):
            low = middle
        else:
            high = middle
    return low
