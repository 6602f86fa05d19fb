"""Where the search for a canonical polyadic decomposition begins."""

from __future__ import annotations

from itertools import product
from math import prod

import torch
from torch import Tensor


def unit_start(tensor: Tensor) -> list[Tensor]:
    """The tensor itself: one product for each fibre along its longest axis.

    Returns:
        Factors of shape `(size, tensor.numel() / longest)`.
    """
    longest = max(range(tensor.dim()), key=lambda axis: tensor.shape[axis])
    others = [size for axis, size in enumerate(tensor.shape) if axis != longest]
    places = torch.cartesian_prod(*(torch.arange(size) for size in others)).reshape(-1, len(others))
    factors = [
        torch.nn.functional.one_hot(place, size).t().to(tensor.dtype)
        for place, size in zip(places.t(), others, strict=True)
    ]
    factors.insert(longest, tensor.movedim(longest, 0).flatten(1))
    return factors


def random_start(tensor: Tensor, rank: int, generator: torch.Generator) -> list[Tensor]:
    """Normal factors whose products are about as large together as the tensor."""
    scale = float(tensor.norm() / (rank * tensor.numel()) ** 0.5) ** (1 / tensor.dim())
    return [
        scale * torch.randn(size, rank, dtype=tensor.dtype, generator=generator)
        for size in tensor.shape
    ]


def pencil_start(tensor: Tensor, rank: int, generator: torch.Generator) -> list[Tensor] | None:
    """The decomposition by the eigenvectors of a matrix pencil: exact for a generic exact sum.

    The axes fall into three groups. Two random mixtures of the slices along the third are
    `A D B^T` and `A E B^T` with diagonal D and E, so that A holds the eigenvectors of one over the
    other (Leurgans, Ross and Abel, 1993).

    Returns:
        Factors of shape `(size, rank)`, or None where no two groups have `rank` dimensions each.
    """
    groups = _groups(tensor.shape, rank)
    if groups is None:
        return None
    first, second, third = groups
    axes = first + second + third
    flat = tensor.permute(axes)
    cube = flat.reshape(*(prod(tensor.shape[axis] for axis in group) for group in groups))
    mine = torch.linalg.svd(cube.flatten(1), full_matrices=False).U[:, :rank]
    other = torch.linalg.svd(cube.movedim(1, 0).flatten(1), full_matrices=False).U[:, :rank]
    slices = torch.einsum("ar,abc,bs->rsc", mine, cube, other)
    mix = torch.randn(cube.shape[2], 2, dtype=tensor.dtype, generator=generator)
    over, under = (slices @ mix).unbind(-1)
    values, vectors = torch.linalg.eig(over @ torch.linalg.pinv(under))
    real = torch.where(values.imag < 0, vectors.imag, vectors.real)  # of a pair one of each
    left = mine @ real
    rest = torch.linalg.pinv(left) @ cube.flatten(1)
    return _split_all(left, rest, flat.shape, len(first), axes)


def _split_all(
    left: Tensor, rest: Tensor, sizes: torch.Size, cut: int, axes: list[int]
) -> list[Tensor]:
    """Factors from merged vectors, back in the order of the tensor's axes."""
    terms = [
        _rank_one(left[:, term].reshape(sizes[:cut])) + _rank_one(rest[term].reshape(sizes[cut:]))
        for term in range(left.shape[1])
    ]
    factors = [torch.stack(vectors, 1) for vectors in zip(*terms, strict=True)]
    return [factors[axes.index(axis)] for axis in range(len(axes))]


def _rank_one(tensor: Tensor) -> list[Tensor]:
    """Vectors whose outer product is a tensor of rank one, one for each axis."""
    if tensor.dim() == 1:
        return [tensor]
    vectors = [
        torch.linalg.svd(tensor.movedim(axis, 0).flatten(1), full_matrices=False).U[:, 0]
        for axis in range(tensor.dim())
    ]
    inner = tensor
    for vector in vectors:
        inner = torch.tensordot(vector, inner, dims=1)
    return [vectors[0] * inner, *vectors[1:]]


def _groups(sizes: torch.Size, rank: int) -> tuple[list[int], list[int], list[int]] | None:
    """Three groups of axes; the first two of `rank` dimensions or more, the third with the most."""
    best, most = None, 1
    for chosen in product(range(3), repeat=len(sizes)):
        first, second, third = ([a for a, g in enumerate(chosen) if g == own] for own in range(3))
        dims = [prod(sizes[axis] for axis in group) for group in (first, second, third)]
        if first and second and dims[0] >= dims[1] >= rank and dims[2] > most:
            best, most = (first, second, third), dims[2]
    return best
