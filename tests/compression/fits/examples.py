"""Inputs with unequal, correlated deviations, and the error by its definition."""

from typing import Any

import torch
from torch import Tensor

from qimlp.compression.fits import Curve, Fit, Kronecker, Layout, LowRank, Moments
from qimlp.functional import kron_bias, kron_dense


def draw(*sizes: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*sizes, generator=generator, dtype=torch.float64)


def inputs(rows: int, width: int, *, seed: int = 0, mean: float = 1.0) -> Tensor:
    """Rows whose deviations in some directions are 30 times those in others."""
    spread = torch.logspace(0, -1.5, width, dtype=torch.float64)
    turned = torch.linalg.qr(draw(width, width, seed=seed + 1)).Q
    return draw(rows, width, seed=seed) * spread @ turned + mean * draw(width, seed=seed + 2)


def moments_of(rows: Tensor, wanted: Tensor | None = None) -> Moments:
    moments = Moments(rows.shape[1], None if wanted is None else wanted.shape[1])
    moments.update(rows, wanted)
    return moments


def fit_low_rank(weight: Tensor, moments: Moments | None, rank: int, **how: Any) -> Fit:
    return LowRank(weight, moments, **how).fit(rank)


def low_rank_curve(weight: Tensor, moments: Moments | None = None) -> Curve:
    return LowRank(weight, moments).curve


def fit_kronecker(
    weight: Tensor, moments: Moments | None, layout: Layout, rank: int, **how: Any
) -> Fit:
    return Kronecker(weight, moments, layout, **how).fit(rank)


def kronecker_curve(weight: Tensor, moments: Moments | None, layout: Layout) -> Curve:
    return Kronecker(weight, moments, layout).curve


def output_error(fit: Fit, rows: Tensor, wanted: Tensor) -> float:
    """The definition, row by row: with a bias over the outputs less their mean."""
    given = rows @ kron_dense(fit.factors).t()
    if fit.bias is None:
        return float((wanted - given).norm() / wanted.norm())
    bias = fit.stored_bias
    given = given + (bias if isinstance(bias, Tensor) else kron_bias(bias))
    return float((wanted - given).norm() / (wanted - wanted.mean(0)).norm())
