"""Accuracy against strong correlation over several networks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, permutations
from math import inf

import torch
from torch import Tensor

from qimlp.correlation.states.arguments import check_real, check_seed

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
        """`p_value` in words that never say zero, such as `"p = 0.02"` or `"p < 0.001"`."""
        if self.p_value < 0.001:
            return "p < 0.001"
        return f"p = {self.p_value:.3f}" if self.p_value < 0.01 else f"p = {self.p_value:.2f}"


def relate(
    x: Sequence[float],
    y: Sequence[float],
    *,
    kinds: Sequence[str] | None = None,
    seed: int = 0,
) -> Relation | None:
    """Correlate two quantities; None with fewer than four networks or without any spread.

    Networks of several kinds (sizes, say) may differ in both quantities because they differ in
    kind. With `kinds` each kind's means are taken out first, and networks are drawn and paired
    anew within their kind only; a network alone of its kind is left out.

    Args:
        x: One value per network.
        y: As many.
        kinds: As many names; None counts all networks as of one kind.
        seed: Of the bootstrap.

    Returns:
        The correlations.

    Raises:
        TypeError: If a value is no number or the seed no integer.
        ValueError: If there are not as many of each, or a value is NaN or infinite.
    """
    names = ["one"] * len(x) if kinds is None else list(kinds)
    check_seed(seed)
    x = [check_real("x", value, least=-inf) for value in x]
    y = [check_real("y", value, least=-inf) for value in y]
    if not len(x) == len(y) == len(names):
        raise ValueError(
            f"expected as many values of y and kinds as of x, {len(x)}, "
            f"got {len(y)} and {len(names)}"
        )
    rows = sorted(
        (i for i, name in enumerate(names) if names.count(name) > 1), key=names.__getitem__
    )
    sizes = list(Counter(names[i] for i in rows).values())
    a, b = (torch.tensor([v[i] for i in rows], dtype=torch.float64) for v in (x, y))
    if len(rows) < 4:
        return None
    a, b = _centred(a, sizes), _centred(b, sizes)
    if not _varies(a, x) or not _varies(b, y):
        return None
    generator = torch.Generator().manual_seed(seed)
    draws = _within(sizes, lambda n: torch.randint(n, (_DRAWS, n), generator=generator))
    pearson, *p = _with_interval(a, b, draws, sizes)
    spearman, *s = _with_interval(_ranks(a), _ranks(b), draws, sizes)
    chance = _by_chance(a, b, abs(pearson), sizes, generator)
    return Relation(len(rows), pearson, p[0], p[1], chance, spearman, s[0], s[1])


def _within(sizes: Sequence[int], draw: Callable[[int], Tensor]) -> Tensor:
    """Numbers of networks, drawn kind by kind; those of a kind stand together."""
    starts = accumulate([0, *sizes[:-1]])
    return torch.cat([draw(n) + start for n, start in zip(sizes, starts, strict=True)], dim=-1)


def _centred(values: Tensor, sizes: Sequence[int]) -> Tensor:
    """Less the mean of their kind."""
    return torch.cat([v - v.mean(-1, keepdim=True) for v in values.split(list(sizes), -1)], -1)


def _varies(centred: Tensor, values: Sequence[float]) -> bool:
    return float(centred.abs().max()) > 1e-12 * max(map(abs, values))


def _by_chance(
    a: Tensor, b: Tensor, least: float, sizes: Sequence[int], generator: torch.Generator
) -> float:
    """Two-sided permutation test: over all orders of up to seven networks of a kind, else some."""
    if len(sizes) == 1 and len(a) <= _ALL_ORDERS:
        orders = torch.tensor(list(permutations(range(len(a)))))
        extra = 0
    else:
        orders = _within(sizes, lambda n: torch.rand(_ORDERS, n, generator=generator).argsort(-1))
        extra = 1  # the order that was seen
    hits = int((_correlation(a, b[orders]).abs() >= least - 1e-12).sum())
    return (hits + extra) / (len(orders) + extra)


def _with_interval(
    a: Tensor, b: Tensor, draws: Tensor, sizes: Sequence[int]
) -> tuple[float, float, float]:
    drawn = _correlation(_centred(a[draws], sizes), _centred(b[draws], sizes))
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
