"""Weights whose nearest sums are known."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from qimlp.functional import kron_dense, nearest_kronecker, nearest_kronecker_order

SPECTRA = ("flat", "decaying")
_TERMS, _DECAY = 400, 0.97


def large(spectrum: str, side: int, rank: int, *, full: bool) -> tuple[Tensor, float | None]:
    """A float32 weight `(side^2, side^2)` and the least relative error, None where not known."""
    generator = torch.Generator().manual_seed(0)
    count = side**2
    if spectrum == "flat":
        weight = torch.randn(count, count, generator=generator)
        if not full:
            return weight, None
        values = torch.linalg.svdvals(_rearranged(weight.double(), side))
        return weight, float(values[rank:].norm() / values.norm())
    sides = [
        torch.linalg.qr(
            torch.randn(count, min(_TERMS, count), dtype=torch.float64, generator=generator)
        ).Q
        for _ in range(2)
    ]
    values = _DECAY ** torch.arange(sides[0].shape[1], dtype=torch.float64)
    weight = _rearranged(sides[0] * values @ sides[1].t(), side).float()
    return weight, float(values[rank:].norm() / values.norm())


def _rearranged(weight: Tensor, side: int) -> Tensor:
    """Between a weight and the matrix of which its factors are vectors; its own inverse."""
    return weight.reshape(side, side, side, side).transpose(1, 2).reshape(weight.shape)


def recovered(cases: int) -> Iterator[tuple[str, list[float]]]:
    """Relative errors of exact sums, for each number of factors."""
    for m in (2, 3, 4):
        errors = []
        for seed in range(cases):
            weight, ins, outs, rank = _sum(m, seed, most=4)
            errors.append(float(nearest_kronecker(weight, ins, outs, rank)[1]))
        yield f"{m} factors, rank 1 to 4, sizes 1 to 4", errors


def shuffled(cases: int) -> Iterator[tuple[str, list[float]]]:
    """Relative errors where the inputs of an exact sum of two factors were shuffled first."""
    kinds: dict[str, list[float]] = {
        "shuffled, rank below an output size": [],
        "shuffled, rank not below": [],
    }
    few, many = kinds
    for seed in range(cases):
        weight, ins, outs, rank = _sum(2, seed, most=8)
        generator = torch.Generator().manual_seed(seed)
        weight = weight[:, torch.randperm(weight.shape[1], generator=generator)]
        error = float(nearest_kronecker_order(weight, ins, outs, rank)[2])
        kinds[few if rank < max(outs) else many].append(error)
    yield from ((kind, errors) for kind, errors in kinds.items() if errors)


def _sum(m: int, seed: int, *, most: int) -> tuple[Tensor, list[int], list[int], int]:
    """An exact sum of normal factors: weight, dims, rank."""
    generator = torch.Generator().manual_seed(seed)
    ins, outs = torch.randint(1, most + 1, (2, m), generator=generator).tolist()
    rank = int(torch.randint(1, 5, (), generator=generator))
    factors = [
        torch.randn(rank, o, i, dtype=torch.float64, generator=generator)
        for o, i in zip(outs, ins, strict=True)
    ]
    return kron_dense(factors), ins, outs, rank
