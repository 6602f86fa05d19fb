"""Means over splits, ranks, wins and losses."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.tables.contestants import BOOSTING, FIELD, MLP, OURS

EQUAL = 1e-5  # scores are kept to six places: means that differ by less are equal
LEVEL = 0.001  # means that differ by less count as level in wins and losses
CLOSE = 0.01


@dataclass(frozen=True)
class Duel:
    """How one estimator does against another, over the tables that both have splits of."""

    wins: int
    level: int
    losses: int

    def __str__(self) -> str:
        return f"{self.wins}-{self.level}-{self.losses}"


class Standings:
    """Results of several estimators, read by table; every comparison is over common splits."""

    def __init__(self, rows: Sequence[dict[str, Any]]) -> None:
        self._rows = {(row["estimator"], row["table"], row["split"]): row for row in rows}
        self.estimators = list(dict.fromkeys(row["estimator"] for row in rows))
        self.tables = list(dict.fromkeys(row["table"] for row in rows))

    def splits(self, table: str, *estimators: str) -> list[int]:
        """Return the splits of a table that all these estimators have, in order."""
        seeds = sorted({split for _, _, split in self._rows})
        return [s for s in seeds if all((name, table, s) in self._rows for name in estimators)]

    def values(
        self, estimator: str, table: str, figure: str, splits: Sequence[int] | None = None
    ) -> list[float]:
        """Return a figure by split; splits without it are left out."""
        seeds = self.splits(table, estimator) if splits is None else splits
        found = [self._rows[estimator, table, seed].get(figure) for seed in seeds]
        return [value for value in found if value is not None]

    def score(self, estimator: str, table: str, splits: Sequence[int] | None = None) -> float:
        """Return the mean accuracy, or R2 where the target is a number."""
        return statistics.fmean(self.values(estimator, table, "score", splits))

    def ranked_tables(self, field: Sequence[str] = FIELD) -> list[str]:
        """Return the tables that have a common split of the whole field."""
        return [table for table in self.tables if self.splits(table, *field)]

    def ranks(self, table: str, field: Sequence[str] = FIELD) -> dict[str, float]:
        """Rank the field on one table, 1 the best; equal scores share the mean of their ranks."""
        splits = self.splits(table, *field)
        scores = {name: self.score(name, table, splits) for name in field}
        return {name: _rank(score, list(scores.values())) for name, score in scores.items()}

    def mean_ranks(self, field: Sequence[str] = FIELD) -> dict[str, float]:
        """Return the mean rank of each over the tables; empty without a ranked table."""
        by_table = [self.ranks(table, field) for table in self.ranked_tables(field)]
        if not by_table:
            return {}
        return {name: statistics.fmean(ranks[name] for ranks in by_table) for name in field}

    def differences(self, other: str, ours: str = OURS) -> dict[str, float]:
        """Return by how much `ours` scores above another, by table."""
        shared = {table: self.splits(table, ours, other) for table in self.tables}
        return {
            table: self.score(ours, table, splits) - self.score(other, table, splits)
            for table, splits in shared.items()
            if splits
        }

    def duel(self, other: str, ours: str = OURS) -> Duel:
        """Count tables won, level and lost against another."""
        gaps = self.differences(other, ours).values()
        wins, losses = sum(gap >= LEVEL for gap in gaps), sum(gap <= -LEVEL for gap in gaps)
        return Duel(wins, len(gaps) - wins - losses, losses)

    def ratios(self, figure: str, other: str, ours: str = OURS) -> dict[str, float]:
        """Return a time of ours over another's by table: medians over the common splits."""
        shared = {table: self.splits(table, ours, other) for table in self.tables}
        return {
            table: statistics.median(self.values(ours, table, figure, splits))
            / statistics.median(self.values(other, table, figure, splits))
            for table, splits in shared.items()
            if splits
        }

    def medians(self, estimator: str, figure: str) -> dict[str, float]:
        """Return the median of a figure over the splits, by table."""
        by_table = {table: self.values(estimator, table, figure) for table in self.tables}
        return {table: statistics.median(found) for table, found in by_table.items() if found}


def _rank(score: float, scores: Sequence[float]) -> float:
    better = sum(other >= score + EQUAL for other in scores)
    equal = sum(abs(other - score) < EQUAL for other in scores)
    return better + (equal + 1) / 2


@dataclass(frozen=True)
class Goal:
    """One wanted figure and what was reached."""

    figure: str
    wanted: str
    reached: str
    met: bool


def goals(standings: Standings) -> list[Goal]:
    """Hold the results against what the project wants of its estimators.

    Args:
        standings: Results of the whole field.

    Returns:
        The goals; empty without a table that the whole field was measured on.
    """
    ranks = standings.mean_ranks()
    if not ranks:
        return []
    tables = len(standings.ranked_tables())
    needed = tables - tables // 13  # 12 of 13
    best = ranks[OURS] == min(ranks.values()) and ranks[OURS] <= 2.0
    close = sum(gap >= -CLOSE for gap in standings.differences(BOOSTING).values())
    better = sum(gap >= EQUAL for gap in standings.differences(MLP).values())
    fit = statistics.median(standings.ratios("fit_s", MLP).values())
    predict = statistics.median(standings.ratios("predict_s", BOOSTING).values())
    size = statistics.median(standings.medians(OURS, "saved_bytes").values()) / 1000
    of = f"{needed} of {tables}"
    return [
        Goal("mean rank in the field", "best, at most 2.0", f"{ranks[OURS]:.2f}", best),
        Goal("not worse than HGB by more than 0.01", of, str(close), close >= needed),
        Goal("better than the default MLP", of, str(better), better >= needed),
        Goal("fit time over the MLP's, median", "1.5", f"{fit:.2f}", fit <= 1.5),
        Goal("predict time of 10,000 rows over HGB's, median", "1", f"{predict:.2f}", predict <= 1),
        Goal("size on disk, median", "60 kB", f"{size:.0f} kB", size <= 60),
    ]
