"""Second moments of the inputs as one Kronecker product, a factor for every body."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

_TURNS = 5


def nearest_covariance(
    blocks: Sequence[Tensor], bounds: Sequence[tuple[int, int]], in_dims: Sequence[int]
) -> list[Tensor]:
    """Factors of the Kronecker product nearest to a block-diagonal covariance.

    A higher-order power method that begins at the partial traces: each turn contracts the
    covariance with all factors but one, which keeps every factor positive (semi)definite.

    Args:
        blocks: Positive definite, of shape `(stop - start, stop - start)`.
        bounds: `(start, stop)` of every block.
        in_dims: Sizes of the bodies; their product is the number of inputs.

    Returns:
        Factor i of shape `(in_dims[i], in_dims[i])`.
    """
    places = _places(in_dims, blocks[0])
    factors = [torch.eye(size).to(blocks[0]) for size in in_dims]
    for _ in range(_TURNS if len(in_dims) > 1 else 1):
        for mode in range(len(in_dims)):
            new = torch.zeros_like(factors[mode])
            for (a, b), block in zip(bounds, blocks, strict=True):
                new += _contracted(block, [place[a:b] for place in places], factors, mode)
            others = [each.square().sum() for i, each in enumerate(factors) if i != mode]
            factors[mode] = new / torch.stack([new.new_ones(()), *others]).prod()
    return factors


def _places(in_dims: Sequence[int], like: Tensor) -> list[Tensor]:
    """Index of every input in each of the bodies."""
    grid = [torch.arange(size, device=like.device) for size in in_dims]
    return [each.flatten() for each in torch.meshgrid(*grid, indexing="ij")]


def _contracted(
    block: Tensor, places: Sequence[Tensor], factors: Sequence[Tensor], mode: int
) -> Tensor:
    weighted = block
    for i, (place, factor) in enumerate(zip(places, factors, strict=True)):
        if i != mode:
            weighted = weighted * factor[place][:, place]
    size = len(factors[mode])
    rows = block.new_zeros(size, len(block)).index_add_(0, places[mode], weighted)
    return block.new_zeros(size, size).index_add_(1, places[mode], rows)
