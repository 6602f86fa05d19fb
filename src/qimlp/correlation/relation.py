"""Accuracy against strong correlation over several networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import torch
from torch import Tensor

_DRAWS = 2000
_ALL_ORDERS = 7  # networks: 5,040 orders
_ORDERS = 5000


@dataclass(frozen=True)
class Relation:
    """How two quantities go together over several networks.

    Attributes:
        count: Networks.
        pearson: Linear correlation, in [-1, 1].
        pearson_low: Lower end of its 95 % bootstrap interval over the networks.
        pearson_high: Upper end.
        p_value: How often networks paired at random have as large a linear correlation, of either
            sign; of four networks never below 1/24.
        spearman: Correlation of the ranks.
        spearman_low: Lower end of its interval.
        spearman_high: Upper end.
    """

    count: int
    pearson: float
    pearson_low: float
    pearson_high: float
    p_value: float
    spearman: float
    spearman_low: float
    spearman_high: float

    @property
    def p_words(self) -> str:
        """`p_value` in words that never say zero, such as ``"p = 0.02"`` or ``"p < 0.001"``."""
        if self.p_value < 0.001:
            return "p < 0.001"
        return f"p = {self.p_value:.3f}" if self.p_value < 0.01 else f"p = {self.p_value:.2f}"


def relate(x: Sequence[float], y: Sequence[float], *, seed: int = 0) -> Relation | None:
    """Correlate two quantities; None with fewer than four networks or without any spread.

    Args:
        x: One value per network.
        y: As many.
        seed: Of the bootstrap.

    Returns:
        The correlations.

    Raises:
        ValueError: Another number of values.
    """
    if len(x) != len(y):
        raise ValueError(f"expected as many values of y as of x, {len(x)}, got {len(y)}")
    a = torch.tensor(x, dtype=torch.float64)
    b = torch.tensor(y, dtype=torch.float64)
    if len(a) < 4 or float(a.std()) == 0 or float(b.std()) == 0:
        return None
    generator = torch.Generator().manual_seed(seed)
    draws = torch.randint(len(a), (_DRAWS, len(a)), generator=generator)
    pearson, *p = _with_interval(a, b, draws)
    spearman, *s = _with_interval(_ranks(a), _ranks(b), draws)
    chance = _by_chance(a, b, abs(pearson), generator)
    return Relation(len(a), pearson, p[0], p[1], chance, spearman, s[0], s[1])


def _by_chance(a: Tensor, b: Tensor, least: float, generator: torch.Generator) -> float:
    """Two-sided permutation test: over all orders of up to seven networks, else over some."""
    if len(a) <= _ALL_ORDERS:
        orders = torch.tensor(list(permutations(range(len(a)))))
        extra = 0
    else:
        orders = torch.rand(_ORDERS, len(a), generator=generator).argsort(-1)
        extra = 1  # the order that was seen
    hits = int((_correlation(a, b[orders]).abs() >= least - 1e-12).sum())
    return (hits + extra) / (len(orders) + extra)


def _with_interval(a: Tensor, b: Tensor, draws: Tensor) -> tuple[float, float, float]:
    drawn = _correlation(a[draws], b[draws])
    drawn = drawn[torch.isfinite(drawn)]  # a draw may hold one network only
    low, high = torch.quantile(drawn, torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    return float(_correlation(a, b)), low, high


def _correlation(a: Tensor, b: Tensor) -> Tensor:
    a, b = a - a.mean(-1, keepdim=True), b - b.mean(-1, keepdim=True)
    scale = (a.square().sum(-1) * b.square().sum(-1)).sqrt()
    return (a * b).sum(-1) / scale


def _ranks(values: Tensor) -> Tensor:
    """Ranks from 0; equal values share their mean rank."""
    below = (values.unsqueeze(-1) > values).sum(-1).double()
    equal = (values.unsqueeze(-1) == values).sum(-1)
    return below + (equal - 1) / 2
