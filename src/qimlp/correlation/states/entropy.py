"""Entropy of probabilities and of density matrices."""

from __future__ import annotations

import torch
from torch import Tensor

from qimlp.correlation.states.arguments import check_base
from qimlp.correlation.states.checks import check_density_matrix, check_not_negative


def shannon_entropy(probabilities: Tensor) -> Tensor:
    """`-sum_i p_i log p_i` over the last axis, in nats.

    Entries at or below zero (rounding leaves some) count as zero and get the gradient zero.

    Args:
        probabilities: Shape `(..., n)`.

    Returns:
        Shape `(...)`.
    """
    logs = torch.where(probabilities > 0, probabilities, 1.0).log()
    return (probabilities * -logs).sum(-1)


def spectrum_entropy(rho: Tensor) -> Tensor:
    """Compute the entropy of Hermitian matrices that are known to be states.

    Args:
        rho: Shape (..., n, n).

    Returns:
        Shape (...), in nats.
    """
    return shannon_entropy(torch.linalg.eigvalsh(rho))


def von_neumann_entropy(rho: Tensor, base: float | None = None) -> Tensor:
    """`S(rho) = -tr(rho log rho)` (Zhang et al., AAAI-25, Eqs. 7 and 9).

    Differentiable through the eigenvalues alone, so degenerate spectra are no obstacle. A zero
    eigenvalue, where the derivative is infinite, gets the gradient zero.

    Args:
        rho: Density matrices, shape `(..., n, n)`, real or complex; computed in double precision.
        base: Of the logarithm; nats without one, 2 for bits.

    Returns:
        Shape `(...)`, `float64`.

    Raises:
        TypeError: If it is no floating-point or complex tensor.
        ValueError: If it is not finite, square, Hermitian and of trace 1, or has a negative
            eigenvalue; a base that is not above 1.
    """
    unit = check_base(base)
    check_density_matrix(rho)
    return checked_entropy(hermitian(rho)) / unit


def checked_entropy(rho: Tensor) -> Tensor:
    """Compute the entropy of Hermitian matrices of trace 1, which may not be states.

    Args:
        rho: Shape (..., n, n).

    Returns:
        Shape (...), in nats.

    Raises:
        ValueError: If an eigenvalue is negative.
    """
    eigenvalues = torch.linalg.eigvalsh(rho)
    check_not_negative(eigenvalues)
    return shannon_entropy(eigenvalues)


def hermitian(rho: Tensor) -> Tensor:
    """Take the Hermitian part of matrices.

    Args:
        rho: Shape (..., n, n).

    Returns:
        The same shape, in double precision.
    """
    precise = rho.to(torch.complex128 if rho.is_complex() else torch.float64)
    return (precise + precise.mH) / 2
