"""Two factors on the GPU: the fused kernels' arguments, grids and the second stage of sums.

Factor gradients are sums over rows. Every program sums its own rows and writes the sums to its own
place; a second kernel adds the places up, in one launch for all gradients. Nothing is added
atomically, so equal calls on one device give equal bits.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from qimlp.ops.triton import kernels as triton_kernels
from qimlp.ops.triton.tuning import (
    MEDIUM_TILE,
    SMALL_TILE,
    backward_kernel,
    forward_kernel,
    largest_tile,
)
from qimlp.shapes import padded

Gradients = tuple[Tensor | None, Tensor | None, Tensor | None, Tensor | None]

_INTERPRETED_UNITS = 2
_LATENCY_BOUND_ROWS = 8  # per multiprocessor
_SUM_BLOCK, _SUM_ROWS = 32, 64  # columns of a program that adds sums up, rows it takes at a time
_BACKWARD_PROGRAMS = {True: 8, False: 2}  # per multiprocessor, for small tiles and larger ones


def forward(x: Tensor, a: Tensor, b: Tensor, bias: Tensor | None = None) -> Tensor:
    """`x W^T + bias` with `W = sum_c kron(a[c], b[c])`, in one kernel.

    Args:
        x: Shape `(rows, q * s)`, any distance between rows.
        a: Shape `(rank, p, q)`, any strides.
        b: Shape `(rank, r, s)`, any strides.
        bias: Shape `(p * r,)`, or none.

    Returns:
        Shape `(rows, p * r)`, contiguous.
    """
    rows, sizes = x.shape[0], _sizes(a, b)
    y = x.new_empty(rows, sizes["P"] * sizes["R"])
    if rows == 0:
        return y
    x, units = _packed(x), _units(x)

    def grid(choice: dict[str, Any]) -> tuple[int]:
        return (min(rows, units * choice["PROGRAMS_PER_UNIT"]),)

    with torch.cuda.device_of(x):
        forward_kernel()[grid](
            x, a, b, x if bias is None else bias.contiguous(), y,
            rows, _size_class(rows, units), x.stride(0), *a.stride(), *b.stride(),
            **sizes, HAS_BIAS=bias is not None,
        )  # fmt: skip
    return y


def backward(
    grad: Tensor,
    x: Tensor,
    a: Tensor,
    b: Tensor,
    *,
    needs_x: bool,
    needs_factors: bool,
    needs_bias: bool,
) -> Gradients:
    """Gradients of `forward`'s input, factors and bias, those asked for.

    One copy with tiles of at most 64 x 64 takes a single pass over `grad` and `x`. Several copies
    take one more over `grad` for the input's gradient; larger tiles take one pass per gradient,
    for their sums would not fit into the registers together.
    """
    a_t, b_t = a.transpose(1, 2), b.transpose(1, 2)
    if not needs_factors:
        grad_x = forward(grad, a_t, b_t) if needs_x else None
        return grad_x, None, None, grad.sum(0) if needs_bias else None
    if largest_tile(_sizes(a, b)) > MEDIUM_TILE:
        grad_x = forward(grad, a_t, b_t) if needs_x else None
        _, grad_a, _, _ = _pass(grad, x, a, b, (False, True, False, False))
        _, _, grad_b, _ = _pass(grad, x, a, b, (False, False, True, False))
        return grad_x, grad_a, grad_b, grad.sum(0) if needs_bias else None
    if a.shape[0] == 1:
        return _pass(grad, x, a, b, (needs_x, True, True, needs_bias))
    grad_x = forward(grad, a_t, b_t) if needs_x else None
    return grad_x, *_pass(grad, x, a, b, (False, True, True, needs_bias))[1:]


def _pass(
    grad: Tensor, x: Tensor, a: Tensor, b: Tensor, needs: tuple[bool, bool, bool, bool]
) -> Gradients:
    """One launch of the backward kernel and the sums over its programs."""
    needs_x, needs_a, needs_b, needs_bias = needs
    rows, sizes, rank = x.shape[0], _sizes(a, b), a.shape[0]
    grad, x, units = _packed(grad), _packed(x), _units(x)
    small = largest_tile(sizes) <= SMALL_TILE
    # Each copy has programs of its own, and each program sums to write and to add up.
    programs = min(rows, max(1, units * _BACKWARD_PROGRAMS[small] // rank))

    def empty(needed: bool, like: Tensor, *shape: int) -> Tensor | None:
        return like.new_empty(shape) if needed else None

    grad_x = empty(needs_x, x, rows, x.shape[1])
    grad_a, grad_b = empty(needs_a, a, *a.shape), empty(needs_b, b, *b.shape)
    grad_bias = empty(needs_bias, grad, a.shape[1] * b.shape[1])
    if rows == 0:
        for sums in (grad_a, grad_b, grad_bias):
            if sums is not None:
                sums.zero_()
        return grad_x, grad_a, grad_b, grad_bias
    counts = [0 if sums is None else sums.numel() for sums in (grad_a, grad_b, grad_bias)]
    partial = x.new_empty(programs, sum(counts), dtype=torch.float32)

    def given(sums: Tensor | None) -> Tensor:  # a kernel takes no None where it writes nothing
        return partial if sums is None else sums

    with torch.cuda.device_of(x):
        backward_kernel()[(rank, programs)](
            grad, x, a, b, given(grad_x), partial,
            rows, _size_class(rows, units), grad.stride(0), x.stride(0),
            *a.stride(), *b.stride(), **sizes,
            NEEDS_X=needs_x, NEEDS_A=needs_a, NEEDS_B=needs_b, NEEDS_BIAS=needs_bias,
        )  # fmt: skip
        triton_kernels.sum_kernel[(-(-sum(counts) // _SUM_BLOCK),)](
            partial, given(grad_a), given(grad_b), given(grad_bias), programs,
            *counts, BLOCK=_SUM_BLOCK, ROWS=_SUM_ROWS,
        )  # fmt: skip
    return grad_x, grad_a, grad_b, grad_bias


def _sizes(a: Tensor, b: Tensor) -> dict[str, int]:
    (rank, p, q), (_, r, s) = a.shape, b.shape
    sizes = {"P": p, "Q": q, "R": r, "S": s}
    return {**sizes, **{2 * name: padded(size) for name, size in sizes.items()}, "RANK": rank}


def _packed(x: Tensor) -> Tensor:
    """`x` with neighbouring columns next to each other; rows may be anywhere."""
    return x if x.stride(1) == 1 else x.contiguous()


def _units(x: Tensor) -> int:
    """Multiprocessors of the device, which programs are shared out over."""
    if x.device.type != "cuda":
        return _INTERPRETED_UNITS
    return torch.cuda.get_device_properties(x.device).multi_processor_count


def _size_class(rows: int, units: int) -> int:
    """0 for batches whose time is latency, 1 for larger ones: they are tuned apart."""
    return int(rows > _LATENCY_BOUND_ROWS * units)
