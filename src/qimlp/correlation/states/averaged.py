"""The averaged state: all samples as one ensemble. Its C is not the mean of the samples' C."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from qimlp.correlation.states.measures import correlations

#: Widest layer whose averaged state is computed without being asked for.
WIDEST = 1024


@dataclass(frozen=True)
class Averaged:
    """Correlations of the averaged state, in the report's unit.

    Attributes:
        strong: C.
        total: I, or the total correlation of more than two bodies.
        mixture: `S(rho_(A+B))`.
        bodies: `S(rho_m)` of every body.
        whole: `S(rho)`; not zero, because the average is a mixed state.
    """

    strong: float
    total: float
    mixture: float
    bodies: list[float]
    whole: float


class AveragedState:
    """The mean of `|x><x|` over samples: the one `d x d` matrix that this package holds.

    Args:
        dims: Sizes of the bodies.
    """

    def __init__(self, dims: tuple[int, ...]) -> None:
        self._dims = dims
        self._sum: Tensor | None = None
        self._count = 0

    def add(self, states: Tensor) -> None:
        """Add states.

        Args:
            states: Shape (n, d), each of length 1.
        """
        if self._sum is None:
            size = prod(self._dims)
            self._sum = torch.zeros(size, size, dtype=states.dtype, device=states.device)
        self._sum.addmm_(states.mT, states.conj())
        self._count += len(states)

    def result(self, unit: float) -> Averaged:
        """Compute the correlations of the average.

        Args:
            unit: Nats in one unit.

        Returns:
            The correlations, in such units.

        Raises:
            ValueError: If no state was added.
        """
        if self._sum is None:
            raise ValueError("expected at least one sample, got none")
        found = correlations(self._sum / self._count, self._dims, pure=False)
        return Averaged(
            strong=float(found.strong) / unit,
            total=float(found.total) / unit,
            mixture=float(found.mixture) / unit,
            bodies=(found.bodies / unit).tolist(),
            whole=float(found.whole) / unit,
        )
