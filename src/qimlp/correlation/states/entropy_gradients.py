# ruff: noqa: ARG004 - torch passes what it passes
"""Entropies of vectors and states with first and second derivatives at any spectrum.

Eigenvectors of a degenerate spectrum are not unique, and their derivatives infinite; a function of
the whole spectrum has neither trouble. Its gradient is a matrix function, and the derivative of
that is a product with divided differences of the scalar function (Daleckii and Krein 1965, for
rectangular matrices Noferini 2017), which are derivatives where two values are equal.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from qimlp.correlation.states.entropy import shannon_entropy


def vector_entropy(x: Tensor) -> Tensor:
    """Entropy in nats of either part of vectors that are written as matrices.

    Args:
        x: Shape `(..., a, b)`, each of Frobenius norm 1.

    Returns:
        `-sum_i s_i^2 log s_i^2` with singular values s, shape `(...)`.

    Raises:
        ValueError: On a second derivative at a singular value of zero, where it is infinite.
    """
    entropy: Tensor = _applied(_VectorEntropy, x)
    return entropy


def state_entropy(rho: Tensor, rank: int | None = None) -> Tensor:
    """Entropy in nats of Hermitian matrices that are known to be states.

    Args:
        rho: Shape `(..., n, n)`.
        rank: The largest rank that such a state can have; n without one.

    Returns:
        `-tr(rho log rho)`, shape `(...)`.

    Raises:
        ValueError: On a second derivative at a state of smaller rank, where it is infinite.
    """
    entropy: Tensor = _applied(_StateEntropy, rho, rho.shape[-1] if rank is None else rank)
    return entropy


def _applied(function: type[Function], *arguments: Any) -> Any:
    return function.apply(*arguments)


class _VectorEntropy(Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return shannon_entropy(torch.linalg.svdvals(x).square())

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        (x,) = ctx.saved_tensors
        return grads[0][..., None, None] * _applied(_VectorGradient, x)[0]


class _VectorGradient(Function):
    """U g(s) V^H with g(s) = -2 s (log s^2 + 1); the decomposition rides along."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> tuple[Tensor, ...]:
        u, s, vh = torch.linalg.svd(x, full_matrices=False)
        return (u * (s * _slope(s))[..., None, :]) @ vh, u, s, vh

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        ctx.mark_non_differentiable(*output[1:])
        ctx.save_for_backward(*output[1:])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Any) -> Any:
        u, s, vh = ctx.saved_tensors
        if bool((s <= s.shape[-1] * torch.finfo(s.dtype).eps * s[..., :1]).any()):
            raise ValueError(
                "second derivatives of an entropy: expected Schmidt coefficients above zero, where "
                "they are finite, got one that is zero; use first derivatives there"
            )
        direction, v = grads[0], vh.mH
        inner = u.mH @ direction @ v
        even, odd = (inner + inner.mH) / 2, (inner - inner.mH) / 2
        rows, columns = s[..., :, None], s[..., None, :]
        difference = -2 - 4 * (rows.log() + _log_ratio(rows, columns))
        total = (rows * _slope(rows) + columns * _slope(columns)) / (rows + columns)
        left = (direction @ v - u @ inner) * _slope(s)[..., None, :]
        right = (u.mH @ direction - inner @ vh) * _slope(s)[..., :, None]
        return u @ (difference * even + total * odd) @ vh + left @ vh + u @ right


class _StateEntropy(Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(rho: Tensor, rank: int) -> Tensor:
        return shannon_entropy(torch.linalg.eigvalsh(rho))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(inputs[0])
        ctx.rank = inputs[1]

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        (rho,) = ctx.saved_tensors
        return grads[0][..., None, None] * _applied(_StateGradient, rho, ctx.rank)[0], None


class _StateGradient(Function):
    """The gradient `-(log rho + 1)`, zero where rho is zero; the decomposition rides along."""

    generate_vmap_rule = True

    @staticmethod
    def forward(rho: Tensor, rank: int) -> tuple[Tensor, ...]:
        values, vectors = torch.linalg.eigh(rho)
        here = _nonzero(values)
        slopes = torch.where(here, -torch.where(here, values, 1.0).log() - 1, 0.0)
        return (vectors * slopes[..., None, :]) @ vectors.mH, values, vectors, slopes

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        ctx.mark_non_differentiable(*output[1:])
        ctx.save_for_backward(*output[1:])
        ctx.rank = inputs[1]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Any) -> Any:
        values, vectors, slopes = ctx.saved_tensors
        here = _nonzero(values)
        if bool((here.sum(-1) < ctx.rank).any()):
            raise ValueError(
                "second derivatives of an entropy: expected eigenvalues above zero, where they "
                "are finite, got one that is zero; use first derivatives there"
            )
        # Along states of one rank a zero eigenvalue stays zero, and what its slope is counted
        # as (zero) drops out of the sum.
        safe = torch.where(here, values, 1.0)
        rows, columns = safe[..., :, None], safe[..., None, :]
        both = here[..., :, None] & here[..., None, :]
        one = slopes[..., :, None] / rows * here[..., :, None]
        mixed = torch.where(here[..., None, :], 0.0, one)
        factors = torch.where(both, -_log_ratio(rows, columns) / columns, mixed + mixed.mT)
        return vectors @ (factors * (vectors.mH @ grads[0] @ vectors)) @ vectors.mH, None


def _slope(s: Tensor) -> Tensor:
    """`g(s) / s = -2 (log s^2 + 1)`, zero at zero."""
    return torch.where(s > 0, -4 * torch.where(s > 0, s, 1.0).log() - 2, 0.0)


def _log_ratio(a: Tensor, b: Tensor) -> Tensor:
    """`b (log a - log b) / (a - b)` for positive a and b; 1 where they are equal."""
    step = (a - b) / b
    return torch.where(step == 0, 1.0, step.log1p() / torch.where(step == 0, 1.0, step))


def _nonzero(values: Tensor) -> Tensor:
    """Eigenvalues of states that are not zero up to rounding."""
    return values > values.shape[-1] * torch.finfo(values.dtype).eps
