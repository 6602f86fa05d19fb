"""What chance alone gives: random vectors and shuffled features."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor

from qimlp.correlation.states.arguments import check_base, check_bodies, check_generator, check_part
from qimlp.correlation.states.checks import check_rows
from qimlp.shapes import as_size

_MOST_TERMS = 10**7
_MOST = 10**300  # the largest numbers of float64 are not far


def page_entropy(
    dims: Sequence[int], part: int | Sequence[int] = 0, *, base: float | None = None
) -> float:
    """Page's mean entropy of a part of a random complex state (Page 1993, Foong and Kanno 1994).

    With sizes `m <= n` of the two parts it is `sum_{k=n+1}^{mn} 1/k - (m - 1) / (2 n)`. Real
    random vectors, to which a layer's outputs compare, have slightly less.

    Args:
        dims: Sizes of the bodies.
        part: Bodies of the one part, from 0.
        base: Of the logarithm; nats without one.

    Returns:
        The entropy.

    Raises:
        TypeError: If a size or index is no integer.
        ValueError: If dims, indices or base do not fit.
    """
    sizes = check_bodies(dims)
    chosen = check_part("part", part, len(sizes))
    if prod(sizes) > _MOST:
        raise ValueError(f"dims: expected sizes whose product is at most {_MOST:.0e}")
    a = prod(sizes[body] for body in chosen)
    m, n = sorted((a, prod(sizes) // a))
    return (_harmonic(n, m * n) - (m - 1) / (2 * n)) / check_base(base)


def _harmonic(low: int, high: int) -> float:
    """The sum of 1/k for k from low + 1 to high."""
    if high - low > _MOST_TERMS:
        ends = torch.tensor([low + 1, high + 1], dtype=torch.float64)
        return float(torch.special.digamma(ends).diff())
    return float(torch.arange(low + 1, high + 1, dtype=torch.float64).reciprocal().sum())


def random_vectors(count: int, size: int, generator: torch.Generator) -> Tensor:
    """Draw real vectors whose direction is uniform.

    Args:
        count: How many, maybe 0.
        size: Numbers in each.
        generator: Draws them, on the CPU.

    Returns:
        Shape (count, size), float64.

    Raises:
        TypeError: If a size is no integer or `generator` is something else.
        ValueError: If a size is negative.
    """
    count, size = as_size("count", count, least=0), as_size("size", size)
    check_generator(generator)
    return torch.randn(count, size, generator=generator, dtype=torch.float64)


def shuffle_between_samples(rows: Tensor, generator: torch.Generator) -> Tensor:
    """Give every feature's values to other samples: each feature is moved on by a random count.

    Each feature keeps its distribution, and the features of one new sample come from samples drawn
    independently: what features of one sample have to do with each other is lost.

    Args:
        rows: Shape `(n, d)`.
        generator: Draws the counts, on the CPU.

    Returns:
        Shape (n, d).

    Raises:
        TypeError: If `rows` is no dense tensor, or `generator` no generator.
        ValueError: If `rows` has another number of axes.
    """
    check_rows("rows", rows)
    check_generator(generator)
    if len(rows) == 0:
        return rows
    counts = torch.randint(len(rows), (rows.shape[1],), generator=generator).to(rows.device)
    order = torch.arange(len(rows), device=rows.device).unsqueeze(-1) + counts
    return rows.gather(0, order % len(rows))


def permute_across_bodies(rows: Tensor, generator: torch.Generator) -> Tensor:
    """Move every sample's features to other places, each sample by an order of its own.

    Each sample keeps its values; which of them lie in one body is left to chance.

    Args:
        rows: Shape `(n, d)`.
        generator: Draws the orders, on the CPU.

    Returns:
        Shape (n, d).

    Raises:
        TypeError: If `rows` is no dense tensor, or `generator` no generator.
        ValueError: If `rows` has another number of axes.
    """
    check_rows("rows", rows)
    check_generator(generator)
    if len(rows) == 0:
        return rows
    orders = [torch.randperm(rows.shape[1], generator=generator) for _ in range(len(rows))]
    return rows.gather(1, torch.stack(orders).to(rows.device))
