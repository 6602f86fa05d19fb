"""The tensors of one case, and its true result in float64 to hold every contestant against."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own custom

from qimlp.bench.case import BOTH, Case

MOST_DENSE_ENTRIES = 2**27
"""A dense weight with more entries than this is not built."""

TOLERANCE = {
    torch.float64: 1e-12,
    torch.float32: 1e-5,
    torch.float16: 4e-3,
    torch.bfloat16: 3e-2,
}
"""Largest relative error (Frobenius norm) that a contestant may have, by dtype."""


@dataclass(frozen=True)
class LayerProblem:
    """One case with its tensors; `leaves` all require gradients.

    Shapes: `x` (batch, in_features); factor i (rank, out_dims[i], in_dims[i]); `bias`
    (out_features,); `grad_output` (batch, out_features).
    """

    case: Case
    x: Tensor
    factors: tuple[Tensor, ...]
    bias: Tensor
    grad_output: Tensor

    @property
    def leaves(self) -> tuple[Tensor, ...]:
        """The tensors that gradients are taken of: input, factors, bias."""
        return (self.x, *self.factors, self.bias)


def make_problem(
    case: Case, *, device: torch.device, dtype: torch.dtype, seed: int = 0
) -> LayerProblem:
    """Draw the tensors of `case`; the weight keeps the scale of its input."""
    generator = torch.Generator(device).manual_seed(seed)

    def draw(*shape: int, scale: float = 1.0) -> Tensor:
        values = torch.randn(*shape, generator=generator, device=device).mul_(scale)
        return values.to(dtype)

    shape = case.shape
    copies = shape.rank ** (-0.5 / shape.num_factors)
    return LayerProblem(
        case,
        x=draw(case.batch, shape.in_features).requires_grad_(),
        factors=tuple(
            draw(shape.rank, outside, inside, scale=copies / math.sqrt(inside)).requires_grad_()
            for outside, inside in zip(shape.out_dims, shape.in_dims, strict=True)
        ),
        bias=draw(shape.out_features).requires_grad_(),
        grad_output=draw(case.batch, shape.out_features),
    )


def dense_fits(case: Case) -> bool:
    """Tell whether the dense weight of `case` is small enough to build."""
    return case.shape.dense_weight_parameters <= MOST_DENSE_ENTRIES


def rebuilt_weight(factors: Sequence[Tensor]) -> Tensor:
    """Sum over the copies of the Kronecker products of `factors`: the definition."""
    copies = zip(*(factor.unbind(0) for factor in factors), strict=True)
    weight: Tensor = reduce(torch.add, (reduce(torch.kron, copy) for copy in copies))
    return weight


def mode_products(x: Tensor, factors: Sequence[Tensor]) -> Tensor:
    """The same map for weights too large to build: contract one axis of the input at a time."""
    total: Tensor | None = None
    for copy in zip(*(factor.unbind(0) for factor in factors), strict=True):
        state = x.reshape(len(x), *(matrix.shape[1] for matrix in copy))
        for matrix in copy:  # each contraction moves its axis to the end
            state = torch.tensordot(state, matrix, dims=([1], [1]))
        total = state if total is None else total + state
    assert total is not None  # noqa: S101 - a rank is at least 1
    return total.reshape(len(x), -1)


@dataclass(frozen=True)
class Truth:
    """Float64 output of a problem and, if asked for, its gradients in the order of `leaves`."""

    output: Tensor
    gradients: tuple[Tensor, ...]


def true_result(problem: LayerProblem, mode: str) -> Truth:
    """Compute `problem` in float64 from the definition (mode products where it does not fit)."""
    backward = mode == BOTH
    leaves = [leaf.detach().double().requires_grad_(backward) for leaf in problem.leaves]
    x, *factors, bias = leaves
    if dense_fits(problem.case):
        output = F.linear(x, rebuilt_weight(factors), bias)
    else:
        output = mode_products(x, factors) + bias
    if not backward:
        return Truth(output, ())
    gradients = torch.autograd.grad(output, leaves, problem.grad_output.double())
    return Truth(output.detach(), gradients)


def relative_error(got: Tensor, true: Tensor) -> float:
    """Frobenius norm of the difference over the norm of `true` (infinite on another shape)."""
    if got.shape != true.shape:
        return math.inf
    true = true.detach()
    return float((got.detach().double() - true).norm() / true.norm())
