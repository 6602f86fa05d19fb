"""Alternating least squares for a sum of Kronecker products under the inputs' second moments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from qimlp.shapes import KroneckerShape

_EXACT = 1e-12
"""Of the energy; a squared error below is mostly rounding, and no longer tells of progress."""

_AT_ONCE = 2**23
"""Numbers of the pairs of terms that are contracted with the second moments in one product."""

_LEAST_GAIN = 1e-5
"""Of the squared error; a sweep that gains less is the last one."""


@dataclass(frozen=True)
class Target:
    """`E|y - V x|^2` over sums of Kronecker products `V`.

    Attributes:
        cross: `E[y x^T]`, shape `(out, in)`.
        second: `E[x x^T]`, shape `(in, in)`; None stands for the identity.
        energy: `E|y|^2`.
    """

    cross: Tensor
    second: Tensor | None
    energy: float


_MOVED = 20
"""Multiply-adds in the time that a number takes to be moved to another order."""


def sweep_flops(shape: KroneckerShape, *, whitened: bool = False) -> float:
    """Multiply-adds of one sweep over all factors.

    Args:
        shape: Dims and rank.
        whitened: Whether the second moments are the identity.
    """
    out_features, in_features, rank = shape.out_features, shape.in_features, shape.rank
    total = 0.0
    for _, _, width in shape.factor_shapes:
        total += rank * out_features * in_features
        if not whitened:
            total += (rank**2 / 2 + _MOVED) * in_features**2 + (rank * width) ** 3 / 3
    return total


def alternate(
    factors: Sequence[Tensor], target: Target, sweeps: int, *, least_gain: float = _LEAST_GAIN
) -> tuple[list[Tensor], float]:
    """Improve factors, each in turn the best one beside the others.

    The outputs of one factor share a normal matrix of `rank * in_i` rows, in which the second
    moments are contracted with the other factors; nothing of the size of all unknowns is built.

    Args:
        factors: Float64, factor i of shape `(rank, out_i, in_i)`.
        target: What to come near to.
        sweeps: Most turns over all factors.
        least_gain: A sweep that takes less than this part off the squared error is the last one.

    Returns:
        The factors, and the squared error.
    """
    found = list(factors)
    modes = range(len(found))
    order = [_split(target.cross, found, mode) for mode in modes]
    error = float("inf")
    for _ in range(sweeps):
        before = error
        for mode in modes:
            others = _normalized([each for i, each in enumerate(found) if i != mode])
            found[mode], explained = _best(found[mode], others, order[mode], target.second, mode)
            error = target.energy - explained
            found[:mode], found[mode + 1 :] = others[:mode], others[mode:]
        if error > _EXACT * target.energy and not before - error > least_gain * error:
            break
    return found, max(error, 0.0)


def _split(cross: Tensor, factors: Sequence[Tensor], mode: int) -> Tensor:
    """`cross` with the dims of one factor in front: `(out_i * in_i, others)`."""
    outs = [each.shape[1] for each in factors]
    ins = [each.shape[2] for each in factors]
    count = len(outs)
    rest = [i for i in range(count) if i != mode]
    axes = [mode, count + mode, *rest, *(count + i for i in rest)]
    return cross.reshape(*outs, *ins).permute(axes).reshape(outs[mode] * ins[mode], -1)


def _normalized(others: list[Tensor]) -> list[Tensor]:
    """The same span with well-conditioned terms, whose size the factor solved for takes over.

    One other factor may be any basis of its terms' span: an orthonormal one. Of several, each
    term gets norm 1.
    """
    if len(others) == 1:
        flat = others[0].flatten(1)
        if len(flat) <= flat.shape[1]:
            return [torch.linalg.qr(flat.t()).Q.t().reshape(others[0].shape)]
    norms = [each.flatten(1).norm(dim=1)[:, None, None] for each in others]
    return [
        each / torch.where(norm > 0, norm, torch.ones_like(norm))
        for each, norm in zip(others, norms, strict=True)
    ]


def _best(
    factor: Tensor, others: list[Tensor], cross: Tensor, second: Tensor | None, mode: int
) -> tuple[Tensor, float]:
    """The best factor beside the others, and what the sum then explains of the energy."""
    rank, outs, ins = factor.shape
    rest = _terms(others)
    right = (cross @ rest.t()).reshape(outs, ins, rank).permute(0, 2, 1).reshape(outs, -1)
    if second is None:
        normal = rest @ rest.t()
        flat = right.reshape(outs, rank, ins).permute(1, 0, 2).reshape(rank, -1)
        solved = _solve(normal, flat).reshape(rank, outs, ins)
        return solved, float((flat * solved.flatten(1)).sum())
    normal = _normal_matrix(others, second, ins, mode)
    solved = _solve(normal, right.t())
    explained = float((solved * right.t()).sum())
    return solved.t().reshape(outs, rank, ins).permute(1, 0, 2).contiguous(), explained


def _terms(others: list[Tensor]) -> Tensor:
    """Kronecker products of the other factors, dims of all outputs first: `(rank, others)`."""
    rank = len(others[0])
    product = others[0]
    for each in others[1:]:
        product = torch.einsum("cqm,cpn->cqpmn", product, each).reshape(
            rank, product.shape[1] * each.shape[1], product.shape[2] * each.shape[2]
        )
    return product.reshape(rank, -1)


def _normal_matrix(others: list[Tensor], second: Tensor, ins: int, mode: int) -> Tensor:
    """Second moments contracted with all pairs of terms: `(rank * in_i, rank * in_i)`."""
    rank = len(others[0])
    widths = [each.shape[2] for each in others]
    before, after = prod(widths[:mode]), prod(widths[mode:])
    split = second.reshape(before, ins, after, before, ins, after)
    moments = split.permute(0, 2, 3, 5, 1, 4).reshape((before * after) ** 2, ins * ins)
    blocks = second.new_empty(rank, rank, ins, ins)
    pairs = torch.triu_indices(rank, rank, device=second.device)
    for c, d in zip(*(each.split(max(1, _AT_ONCE // len(moments))) for each in pairs), strict=True):
        grams = [each[c].transpose(1, 2) @ each[d] for each in others]
        joined = grams[0]
        for gram in grams[1:]:
            joined = torch.einsum("pmn,pij->pminj", joined, gram).reshape(
                len(c), joined.shape[1] * gram.shape[1], -1
            )
        found = (joined.reshape(len(c), -1) @ moments).reshape(len(c), ins, ins)
        blocks[c, d] = found
        blocks[d, c] = found.transpose(1, 2)
    return blocks.permute(0, 2, 1, 3).reshape(rank * ins, rank * ins)


def _solve(normal: Tensor, right: Tensor) -> Tensor:
    """Solve by Cholesky; terms that depend on each other get a little damping."""
    damping, mean = 0.0, float(normal.diagonal().mean())
    while True:
        damped = normal + damping * torch.eye(len(normal)).to(normal)
        root, failed = torch.linalg.cholesky_ex(damped)
        if not int(failed):
            solved: Tensor = torch.cholesky_solve(right, root)
            return solved
        damping = max(100 * damping, 1e-14 * mean, 1e-300)
