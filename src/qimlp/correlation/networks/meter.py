"""What is measured at one place, from rows that come in chunks."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from qimlp.correlation.networks.histogram import Histogram, HistogramBuilder
from qimlp.correlation.states.averaged import Averaged, AveragedState
from qimlp.correlation.states.map_rows import map_rows, one_thread_each
from qimlp.correlation.states.pure import Subsystems, vector_correlations
from qimlp.correlation.states.spectra import count_rank, rank_tolerance
from qimlp.correlation.states.vectors import unit_length, zero_rows
from qimlp.statistics import Estimate, Moments, share

#: C has to exceed the classical level by this much (nats) to count as above it; rounding does not.
ABOVE = 1e-9


@dataclass(frozen=True)
class Measured:
    """Per-sample correlations at one place, over many samples; entropies in the report's unit.

    Attributes:
        zero_vectors: Samples left out because their output is zero in every feature.
        strong: C, strong correlation (Eq. 12).
        total: I, mutual information; for more than two bodies the total correlation.
        mixture: `S(rho_(A+B))`, the paper's classical correlation.
        bodies: `S(rho_m)` of every body.
        effective_rank: `exp(S(rho_m))` in nats, mean over the bodies.
        schmidt_rank: Coefficients above rounding, mean over the bodies.
        share_above: Share of samples above the classical level, C > 0.
        strong_part: Sum of the positive C over the sum of I: how much of the total correlation is
            strong; None where there is none.
        histogram: Of C.
        spectra: For every body the mean of each eigenvalue of its state, descending.
        averaged: The same measures of the averaged state, or None (see `Averaged`).
    """

    zero_vectors: int
    strong: Estimate
    total: Estimate
    mixture: Estimate
    bodies: list[Estimate]
    effective_rank: Estimate
    schmidt_rank: Estimate
    share_above: Estimate
    strong_part: float | None
    histogram: Histogram
    spectra: list[list[float]]
    averaged: Averaged | None = None

    @property
    def samples(self) -> int:
        """Number of samples measured, zero vectors not counted."""
        return self.strong.count


class Meter:
    """Collects rows of one place; its memory does not depend on their number.

    Args:
        dims: Sizes of the bodies.
        unit: Nats in one unit of the report.
        subsystems: As in `strong_correlation`.
        averaged: Whether the averaged state is wanted; takes `d * d` numbers.
        workers: Threads to use on the CPU; by default as many as torch may use.
    """

    def __init__(
        self,
        dims: tuple[int, ...],
        *,
        unit: float,
        subsystems: Subsystems,
        averaged: bool = False,
        workers: int | None = None,
    ) -> None:
        self._dims, self._unit, self._subsystems = dims, unit, subsystems
        self._workers = workers
        self._moments = Moments(5 + len(dims))
        self._histogram = HistogramBuilder(dims, unit)
        self._averaged = AveragedState(dims) if averaged else None
        self._spectra: list[Tensor] = []
        self._zeros = self._above = 0
        self._positive = 0.0

    @property
    def samples(self) -> int:
        """Rows measured so far, rows of zeros not counted."""
        return self._moments.count

    def add(self, rows: Tensor, where: str) -> Tensor:
        """Measure rows.

        Args:
            rows: Shape `(n, d)`; rows of zeros are left out and counted.
            where: What the rows are, for a message.

        Returns:
            C of every row in the report's unit, shape `(n,)`, NaN for rows of zeros.

        Raises:
            ValueError: If there is NaN or infinity in them.
        """
        rows = rows.cpu() if rows.device.type == "mps" else rows  # which has no float64
        with one_thread_each() as available:
            zeros, finite, columns, *spectra = map_rows(
                self._measure, rows, self._workers or available
            )
            if not finite.all():
                raise ValueError(f"{where}: expected finite outputs, got NaN or infinity")
            columns[zeros] = float("nan")
            self._count(columns[~zeros], [spectrum[~zeros] for spectrum in spectra])
            self._zeros += int(zeros.sum())
            if self._averaged is not None and not zeros.all():
                self._averaged.add(unit_length(rows[~zeros]))
            return columns[:, 0].cpu()

    def result(self) -> Measured:
        """What was measured so far.

        Raises:
            ValueError: If every row is zero.
        """
        strong, total, mixture, rank, schmidt, *bodies = self._moments.estimates()
        count = strong.count
        whole = total.mean * count
        return Measured(
            zero_vectors=self._zeros,
            strong=strong,
            total=total,
            mixture=mixture,
            bodies=bodies,
            effective_rank=rank,
            schmidt_rank=schmidt,
            share_above=share(self._above, count),
            strong_part=self._positive / whole if whole > ABOVE * count else None,
            histogram=self._histogram.result(),
            spectra=[(total_of / count).tolist() for total_of in self._spectra],
            averaged=None if self._averaged is None else self._averaged.result(self._unit),
        )

    def _measure(self, rows: Tensor) -> tuple[Tensor, ...]:
        """Which rows are zero, which finite, then the columns of `_moments`, then the spectra.

        Rows that are zero or not finite are measured as if they were all ones.
        """
        zeros, finite = zero_rows(rows), torch.isfinite(rows).all(-1)
        usable = torch.where((finite & ~zeros).unsqueeze(-1), rows, 1)
        found = vector_correlations(usable, self._dims, self._subsystems)
        tolerance = rank_tolerance(rows.dtype, max(self._dims))
        ranks = [count_rank(s.clamp(min=0).sqrt(), tolerance).double() for s in found.spectra]
        columns = [
            found.strong / self._unit,
            found.total / self._unit,
            found.mixture / self._unit,
            found.bodies.exp().mean(-1),
            torch.stack(ranks).mean(0),
            *(found.bodies / self._unit).unbind(-1),
        ]
        return zeros, finite, torch.stack(columns, -1), *found.spectra

    def _count(self, columns: Tensor, spectra: list[Tensor]) -> None:
        strong = columns[:, 0]
        self._moments.add(columns)
        self._histogram.add(strong)
        self._above += int((strong > ABOVE / self._unit).sum())
        self._positive += float(strong.clamp(min=0).sum())
        sums = [spectrum.sum(0).cpu() for spectrum in spectra]
        known = self._spectra or [torch.zeros_like(new) for new in sums]
        self._spectra = [a + b for a, b in zip(known, sums, strict=True)]
