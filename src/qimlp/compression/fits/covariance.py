"""Second moments of the inputs as one Kronecker product, a factor for every body."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

_TURNS = 5


def factored_covariance(
    blocks: Sequence[Tensor], bounds: Sequence[tuple[int, int]], in_dims: Sequence[int]
) -> list[Tensor]:
    """Factors of the Kronecker product that a block-diagonal covariance is most likely drawn from.

    The flip-flop of the matrix normal distribution's maximum likelihood (Dutilleul, 1999): each
    turn contracts the covariance with the inverses of all factors but one, so that a few inputs
    of large variance do not decide alone, as they do in the nearest product.

    Args:
        blocks: Positive definite, of shape `(stop - start, stop - start)`.
        bounds: `(start, stop)` of every block.
        in_dims: Sizes of the bodies; their product is the number of inputs.

    Returns:
        Factor i of shape `(in_dims[i], in_dims[i])`, positive definite.
    """
    places = _places(in_dims, blocks[0])
    factors = [torch.eye(size).to(blocks[0]) for size in in_dims]
    inverses = list(factors)
    for _ in range(_TURNS if len(in_dims) > 1 else 1):
        for mode, size in enumerate(in_dims):
            new = torch.zeros_like(factors[mode])
            for (a, b), block in zip(bounds, blocks, strict=True):
                new += _contracted(block, [place[a:b] for place in places], inverses, mode)
            factors[mode] = new * (size / len(places[0]))
            inverses[mode] = torch.cholesky_inverse(torch.linalg.cholesky(factors[mode]))
    return factors


def _places(in_dims: Sequence[int], like: Tensor) -> list[Tensor]:
    """Index of every input in each of the bodies."""
    grid = [torch.arange(size, device=like.device) for size in in_dims]
    return [each.flatten() for each in torch.meshgrid(*grid, indexing="ij")]


def _contracted(
    block: Tensor, places: Sequence[Tensor], inverses: Sequence[Tensor], mode: int
) -> Tensor:
    weighted = block
    for i, (place, inverse) in enumerate(zip(places, inverses, strict=True)):
        if i != mode:
            weighted = weighted * inverse[place][:, place]
    size = len(inverses[mode])
    rows = block.new_zeros(size, len(block)).index_add_(0, places[mode], weighted)
    return block.new_zeros(size, size).index_add_(1, places[mode], rows)
