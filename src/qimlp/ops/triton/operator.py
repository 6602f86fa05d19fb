"""The torch operator `qimlp::kron_linear` on CUDA: dispatch finds the fused kernels by device.

Where the compiled extension has declared the operator, only its CUDA implementation is added, and
the extension's derivatives serve both devices. Where it has not, the same declaration is made here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Any

import torch
from torch import Tensor

import qimlp.ops.native  # noqa: F401 - the extension's declaration comes first
from qimlp.ops.merge import merge_factors
from qimlp.ops.methods.two_gemm import two_gemm
from qimlp.ops.triton import launch as triton_launch

_FORWARD = "kron_linear(Tensor x, Tensor[] factors, Tensor? bias, int[] groups) -> Tensor"
_BACKWARD = (
    "kron_linear_backward(Tensor grad, Tensor x, Tensor[] factors, int[] groups, bool needs_x, "
    "bool needs_factors, bool needs_bias) -> Tensor[]"
)


@dataclass(frozen=True)
class Operator:
    """The registered operator; what is registered lasts as long as `library` does.

    Attributes:
        forward: `(x, factors, bias, groups) -> y`: x (rows, in), factors M of shape
            (rank, out_i, in_i), bias (out) or None, groups two numbers that sum to M: how many
            neighbours are multiplied out into the first and the second factor used.
        backward: `(grad, x, factors, groups, needs_x, needs_factors, needs_bias)` -> the gradients
            asked for, in the order x, factors, bias.
        library: Holds the registration.
    """

    forward: Any
    backward: Any
    library: torch.library.Library


@lru_cache(maxsize=8)
def register(namespace: str = "qimlp", key: str = "CUDA") -> Operator:
    """Register the fused kernels for a dispatch key, once.

    Args:
        namespace: Of the operator; another one is for tests.
        key: `"CUDA"`; `"CPU"` is for tests in Triton's interpreter.
    """
    library = torch.library.Library(namespace, "FRAGMENT")
    operators = getattr(torch.ops, namespace)
    if not hasattr(operators, "kron_linear"):
        _declare(library, namespace)
    library.impl("kron_linear", _forward, key)
    library.impl("kron_linear_backward", _backward, key)
    return Operator(operators.kron_linear, operators.kron_linear_backward, library)


def _declare(library: torch.library.Library, namespace: str) -> None:
    forward, backward = f"{namespace}::kron_linear", f"{namespace}::kron_linear_backward"
    library.define(_FORWARD)
    library.define(_BACKWARD)
    torch.library.register_fake(forward, _fake_forward, lib=library)
    torch.library.register_fake(backward, _fake_backward, lib=library)

    def derive(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
        x, *factors = ctx.saved_tensors
        needs_x, needs_factors, needs_bias, _ = ctx.needs_input_grad
        operator = getattr(torch.ops, namespace).kron_linear_backward
        compute = _differentiable_backward if torch.is_grad_enabled() else operator
        needs = (needs_x, any(needs_factors), needs_bias)
        computed = iter(compute(grad, x, factors, ctx.groups, *needs))
        grad_x = next(computed) if needs[0] else None
        grad_factors = [next(computed) if needs[1] else None for _ in factors]
        return grad_x, grad_factors, next(computed) if needs[2] else None, None

    torch.library.register_autograd(forward, derive, setup_context=_keep, lib=library)


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    del output
    x, factors, _, groups = inputs
    ctx.save_for_backward(x, *factors)
    ctx.groups = groups


def _forward(
    x: Tensor, factors: Sequence[Tensor], bias: Tensor | None, groups: Sequence[int]
) -> Tensor:
    a, b = _pair(factors, groups)
    _check_fit(x, a, b)
    width = a.shape[1] * b.shape[1]
    if bias is not None:
        _check_like("bias", bias, x)
        if bias.shape != (width,):
            raise ValueError(f"bias: expected shape {(width,)}, got {tuple(bias.shape)}")
    return triton_launch.forward(x, a, b, bias)


def _backward(
    grad: Tensor,
    x: Tensor,
    factors: Sequence[Tensor],
    groups: Sequence[int],
    needs_x: bool,
    needs_factors: bool,
    needs_bias: bool,
) -> list[Tensor]:
    a, b = _pair(factors, groups)
    _check_fit(x, a, b)
    _check_like("grad", grad, x)
    expected = (x.shape[0], a.shape[1] * b.shape[1])
    if grad.shape != expected:
        raise ValueError(f"grad: expected shape {expected}, got {tuple(grad.shape)}")
    grad_x, grad_a, grad_b, grad_bias = triton_launch.backward(
        grad, x, a, b, needs_x=needs_x, needs_factors=needs_factors, needs_bias=needs_bias
    )
    results = [] if grad_x is None else [grad_x]
    if grad_a is not None and grad_b is not None:
        results += _split(grad_a, factors[: groups[0]])
        results += _split(grad_b, factors[groups[0] :])
    return results if grad_bias is None else [*results, grad_bias]


def _pair(factors: Sequence[Tensor], groups: Sequence[int]) -> tuple[Tensor, Tensor]:
    if len(groups) != 2 or sum(groups) != len(factors):
        raise ValueError(
            f"groups: expected two numbers that sum to {len(factors)}, the factors given, "
            f"got {list(groups)}"
        )
    a, b = factors if len(factors) == 2 else merge_factors(factors, groups)
    return a, b


def _check_fit(x: Tensor, a: Tensor, b: Tensor) -> None:
    """The kernels read by these sizes and do not look again."""
    width = a.shape[2] * b.shape[2]
    if x.dim() != 2 or x.shape[1] != width:
        raise ValueError(f"x: expected shape (batch, {width}), got {tuple(x.shape)}")
    for factor in (a, b):
        _check_like("factors", factor, x)
    if a.shape[0] != b.shape[0]:
        raise ValueError(f"factors: expected one rank, got {a.shape[0]} and {b.shape[0]}")


def _check_like(name: str, tensor: Tensor, x: Tensor) -> None:
    if (tensor.dtype, tensor.device) != (x.dtype, x.device):
        raise TypeError(
            f"{name}: expected {x.dtype} on {x.device} as x is, "
            f"got {tensor.dtype} on {tensor.device}"
        )


def _split(grad: Tensor, factors: Sequence[Tensor]) -> list[Tensor]:
    """Gradients of neighbouring factors from that of their product, shape (rank, out, in)."""
    count = len(factors)
    if count == 1:
        return [grad]
    copy, outs, ins = 0, range(1, count + 1), range(count + 1, 2 * count + 1)
    sizes = (grad.shape[0], *(f.shape[1] for f in factors), *(f.shape[2] for f in factors))
    axes = [[copy, out, in_] for out, in_ in zip(outs, ins, strict=True)]
    whole = grad.reshape(sizes)
    gradients = []
    for wanted in range(count):
        operands: list[Any] = [whole, [copy, *outs, *ins]]
        for i, factor in enumerate(factors):
            if i != wanted:
                operands += [factor, axes[i]]
        gradients.append(torch.einsum(*operands, axes[wanted]))
    return gradients


def _differentiable_backward(
    grad: Tensor,
    x: Tensor,
    factors: Sequence[Tensor],
    groups: Sequence[int],
    needs_x: bool,
    needs_factors: bool,
    needs_bias: bool,
) -> list[Tensor | None]:
    """`_backward` in plain differentiable operations, for second derivatives."""
    x, *factors = (tensor.view_as(tensor) for tensor in (x, *factors))
    inputs = [tensor for tensor in (x, *factors) if tensor.requires_grad]
    found: dict[int, Tensor] = {}
    if needs_x or needs_factors:
        y = two_gemm(x, *_pair(factors, groups))
        computed = torch.autograd.grad(y, inputs, grad, create_graph=True)
        found = {id(tensor): value for tensor, value in zip(inputs, computed, strict=True)}
    results: list[Tensor | None] = [found[id(x)]] if needs_x else []
    if needs_factors:
        results += [found.get(id(factor)) for factor in factors]
    return [*results, grad.sum(0)] if needs_bias else results


def _fake_forward(
    x: Tensor, factors: Sequence[Tensor], bias: Tensor | None, groups: Sequence[int]
) -> Tensor:
    del bias, groups
    return x.new_empty(x.shape[0], prod(factor.shape[1] for factor in factors))


def _fake_backward(
    grad: Tensor,
    x: Tensor,
    factors: Sequence[Tensor],
    groups: Sequence[int],
    needs_x: bool,
    needs_factors: bool,
    needs_bias: bool,
) -> list[Tensor]:
    del groups
    results = [x.new_empty(x.shape)] if needs_x else []
    results += [factor.new_empty(factor.shape) for factor in factors] if needs_factors else []
    return [*results, grad.new_empty(grad.shape[1])] if needs_bias else results
