"""Damped Gauss-Newton steps towards the nearest canonical polyadic decomposition."""

from __future__ import annotations

from functools import reduce

import torch
from torch import Tensor

_LEAST_GAIN = 1e-9  # of the error, over `_PATIENCE` steps
_PATIENCE = 10
_ROUNDING = 1e-15


def miss(tensor: Tensor, factors: list[Tensor]) -> float:
    """Distance of the sum from the tensor, over the tensor's norm."""
    return float(_residual(tensor, factors).norm() / tensor.norm())


def newton_flops(tensor: Tensor, rank: int) -> float:
    """About what a step takes."""
    unknowns = rank * sum(tensor.shape)
    return unknowns**3 / 3 + 2.0 * rank * tensor.numel() * (tensor.dim() + 1)


def polish(tensor: Tensor, factors: list[Tensor], steps: int) -> list[Tensor]:
    """Take steps of Levenberg and Marquardt until the error stalls.

    Args:
        tensor: Its entries near one.
        factors: For each axis a matrix `(size, products)`.
        steps: Most steps.

    Returns:
        Factors that are no worse.
    """
    factors = _level(factors)
    residual = _residual(tensor, factors)
    errors, damping, growth = [float(residual.norm())], 1e-2, 2.0
    for _ in range(steps):
        normal, slope = _normal_equations(residual, factors)
        normal.diagonal().add_(damping * float(normal.diagonal().mean()))
        step, failed = torch.linalg.solve_ex(normal, slope)
        moved = _level(_moved(factors, step))
        left = _residual(tensor, moved)
        error = float(left.norm())
        if not failed and error < errors[-1]:
            factors, residual, damping, growth = moved, left, max(damping / 5, 1e-15), 2.0
            errors.append(error)
        else:
            damping, growth = damping * growth, 2 * growth
            errors.append(errors[-1])
        whole = float(tensor.norm())
        stalled = len(errors) > _PATIENCE and (
            errors[-1] > (1 - _LEAST_GAIN) * errors[-1 - _PATIENCE]
        )
        if stalled or errors[-1] <= _ROUNDING * whole or damping > 1e12:
            break
    return factors


def _level(factors: list[Tensor]) -> list[Tensor]:
    """The same products, with vectors of equal norm in each: a gauge for the damping."""
    norms = torch.stack([factor.norm(dim=0) for factor in factors])
    common = norms.log().mean(0).exp()  # of a zero: zero
    return [
        factor * (common / norm).nan_to_num(0.0, 0.0, 0.0)
        for factor, norm in zip(factors, norms, strict=True)
    ]


def _moved(factors: list[Tensor], step: Tensor) -> list[Tensor]:
    parts = step.split([factor.numel() for factor in factors])
    return [f + part.reshape(f.shape) for f, part in zip(factors, parts, strict=True)]


def _residual(tensor: Tensor, factors: list[Tensor]) -> Tensor:
    return tensor - (factors[0] @ _khatri_rao(factors[1:]).t()).reshape(tensor.shape)


def _khatri_rao(factors: list[Tensor]) -> Tensor:
    """Shape `(product of sizes, products)`, the first axis slowest."""
    return reduce(lambda a, b: (a.unsqueeze(1) * b).flatten(0, 1), factors)


def _normal_equations(residual: Tensor, factors: list[Tensor]) -> tuple[Tensor, Tensor]:
    """`J^T J` and `J^T residual` for the factors' entries, without J itself."""
    grams = [factor.t() @ factor for factor in factors]
    ones = torch.ones_like(grams[0])
    axes = range(len(factors))

    def others(*without: int) -> Tensor:
        return reduce(torch.mul, (grams[axis] for axis in axes if axis not in without), ones)

    rows = []
    for i in axes:
        row = []
        for j in axes:
            if i == j:
                eye = torch.eye(factors[i].shape[0], dtype=ones.dtype)
                block = torch.kron(eye, others(i))
            else:  # entry ((x, c), (y, d)) is others[c, d] A_i[x, d] A_j[y, c]
                block = torch.einsum("cd,xd,yc->xcyd", others(i, j), factors[i], factors[j])
            row.append(block.reshape(factors[i].numel(), factors[j].numel()))
        rows.append(torch.cat(row, 1))
    slopes = [
        residual.movedim(i, 0).flatten(1) @ _khatri_rao([*factors[:i], *factors[i + 1 :]])
        for i in axes
    ]
    return torch.cat(rows), torch.cat([slope.flatten() for slope in slopes])
