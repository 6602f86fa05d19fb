"""Two factors: all copies inside two matrix products, with a hand-written backward.

A row of `x` is a matrix X (q, s); with factors A (rank, p, q) and B (rank, r, s) its output is
`Y = sum_c A_c X B_c^T` (p, r). Either factor may go first; whichever does, its copies stand side by
side in one product, and the other's stand along the contraction of the second, which so sums them.
No tensor is permuted or repeated, except blocks of few columns.

Shapes below: `x` (rows, q * s), result (rows, p * r). The calls are short, so every view counts.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from qimlp.ops.definition import kron_bias
from qimlp.shapes import turns


def two_gemm(x: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """`x W^T` with `W = sum_c kron(a[c], b[c])`, in plain differentiable operations."""
    return _second_first(x, a, b) if _is_second_first(a, b) else _first_first(x, a, b)


class TwoGemm(torch.autograd.Function):
    """`two_gemm` plus bias, with a backward that keeps `x` and the factors only.

    It recomputes the intermediate rather than keeping it, which costs one of its five products.
    The backward is made of differentiable operations, so second derivatives are exact. Transforms
    of `torch.func` and tracing take the plain operations instead.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, a: Tensor, b: Tensor, *bias: Tensor) -> Tensor:
        """`x W^T + bias`; `bias` is nothing, a vector (p * r), or vectors (p) and (r)."""
        pair = bias if len(bias) == 2 else ()
        ctx.save_for_backward(x, a, b, *pair)
        ctx.save_for_forward(x, a, b, *pair)
        y = two_gemm(x, a, b)
        return y.add_(kron_bias(bias)) if bias else y

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of the input, both factors and the bias, those that are needed."""
        x, a, b, *pair = ctx.saved_tensors
        needs, needs_bias = ctx.needs_input_grad[:3], ctx.needs_input_grad[3:]
        gradients = two_gemm_backward(grad, x, a, b, needs)
        if not any(needs_bias):
            return (*gradients, *[None] * len(needs_bias))
        total = grad.sum(0)
        if not pair:
            return (*gradients, total)
        first, second = pair
        total = total.view(first.shape[0], second.shape[0])
        return (*gradients, torch.mv(total, second), torch.mv(total.t(), first))

    @staticmethod
    def jvp(ctx: Any, *tangents: Tensor | None) -> Tensor:
        """The product rule: one term for each argument that has a tangent."""
        x, a, b, *pair = ctx.saved_tensors
        dx, da, db, *dbias = tangents
        terms = []
        if dx is not None:
            terms.append(two_gemm(dx, a, b))
        if da is not None:
            terms.append(two_gemm(x, da, b))
        if db is not None:
            terms.append(two_gemm(x, a, db))
        for i, tangent in enumerate(dbias):
            if tangent is not None:
                vectors = [*pair[:i], tangent, *pair[i + 1 :]]
                terms.append(kron_bias(vectors).expand(x.shape[0], -1))
        return torch.stack(terms).sum(0)


def two_gemm_backward(
    grad: Tensor, x: Tensor, a: Tensor, b: Tensor, needs: tuple[bool, bool, bool]
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Gradients of `x`, `a` and `b`, those that are needed, in plain differentiable operations."""
    backward = _second_first_backward if _is_second_first(a, b) else _first_first_backward
    return backward(grad, x, a, b, needs)


def _is_second_first(a: Tensor, b: Tensor) -> bool:
    """Whether the second factor first takes fewer multiply-adds."""
    (_, p, q), (_, r, s) = a.shape, b.shape
    return q * r * (s + p) <= p * s * (q + r)


def _second_first(x: Tensor, a: Tensor, b: Tensor) -> Tensor:
    (rank, p, q), (_, r, s) = a.shape, b.shape
    rows = x.shape[0]
    t = torch.mm(x.reshape(rows * q, s), b.reshape(rank * r, s).t())
    wide = a.permute(1, 2, 0).reshape(p, q * rank)
    return _left(wide, t.view(rows, q * rank, r)).reshape(rows, p * r)


def _second_first_backward(
    grad: Tensor, x: Tensor, a: Tensor, b: Tensor, needs: tuple[bool, bool, bool]
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    (rank, p, q), (_, r, s) = a.shape, b.shape
    rows = x.shape[0]
    needs_x, needs_a, needs_b = needs
    grad_x = grad_a = grad_b = None
    g = grad.reshape(rows, p, r)
    x = x.reshape(rows * q, s)
    stacked = b.reshape(rank * r, s)
    if needs_x or needs_b:
        high = a.permute(2, 0, 1).reshape(q * rank, p)
        u = _left(high, g).reshape(rows * q, rank * r)
        if needs_x:
            grad_x = torch.mm(u, stacked).view(rows, q * s)
        if needs_b:
            grad_b = torch.mm(u.t(), x).view(rank, r, s)
    if needs_a:
        t = torch.mm(x, stacked.t()).view(rows, q * rank, r)
        grad_a = _outer(g, t).view(p, q, rank).permute(2, 0, 1)
    return grad_x, grad_a, grad_b


def _first_first(x: Tensor, a: Tensor, b: Tensor) -> Tensor:
    (rank, p, q), (_, r, s) = a.shape, b.shape
    rows = x.shape[0]
    stacked = a.transpose(0, 1).reshape(p * rank, q)
    t = _left(stacked, x.reshape(rows, q, s))
    high = b.transpose(1, 2).reshape(rank * s, r)
    return torch.mm(t.reshape(rows * p, rank * s), high).view(rows, p * r)


def _first_first_backward(
    grad: Tensor, x: Tensor, a: Tensor, b: Tensor, needs: tuple[bool, bool, bool]
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    (rank, p, q), (_, r, s) = a.shape, b.shape
    rows = x.shape[0]
    needs_x, needs_a, needs_b = needs
    grad_x = grad_a = grad_b = None
    g = grad.reshape(rows * p, r)
    x = x.reshape(rows, q, s)
    stacked = a.transpose(0, 1).reshape(p * rank, q)
    if needs_x or needs_a:
        high = b.transpose(1, 2).reshape(rank * s, r)
        u = torch.mm(g, high.t()).view(rows, p * rank, s)
        if needs_x:
            grad_x = _left(stacked.t(), u).reshape(rows, q * s)
        if needs_a:
            grad_a = _outer(u, x).view(p, rank, q).transpose(0, 1)
    if needs_b:
        t = _left(stacked, x).reshape(rows * p, rank * s)
        grad_b = torch.mm(t.t(), g).view(rank, s, r).transpose(1, 2)
    return grad_x, grad_a, grad_b


def _left(matrix: Tensor, blocks: Tensor) -> Tensor:
    """`matrix` (m, n) times every block of (rows, n, k), shape (rows, m, k), contiguous or not."""
    rows, n, k = blocks.shape
    m = matrix.shape[0]
    if not turns(m, n, k):
        return torch.bmm(matrix.expand(rows, m, n), blocks)
    turned = blocks.transpose(1, 2).reshape(rows * k, n)
    return torch.mm(turned, matrix.t()).view(rows, k, m).transpose(1, 2)


def _outer(left: Tensor, right: Tensor) -> Tensor:
    """The sum over rows of left (rows, m, k) times right (rows, n, k) transposed, (m, n)."""
    rows, m, k = left.shape
    n = right.shape[1]
    if m * n <= k * (m + n):
        return torch.bmm(left, right.transpose(1, 2)).sum(0)
    # For every row the product is larger than what is multiplied: turned, they add up in one.
    left = left.transpose(1, 2).reshape(rows * k, m)
    return torch.mm(left.t(), right.transpose(1, 2).reshape(rows * k, n))
