"""What `torch.utils.flop_counter` counts for the kernels' operators, once this is imported.

Not imported with the package: torch's counter imports Triton where there is one.

A multiply-add is two operations, as torch counts them. Multiplying factors out, biases and
activations are left out, as torch leaves out all but products, and so are states between factors
that the way back computes once more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.utils.flop_counter import register_flop_formula

from qimlp.ops import native
from qimlp.shapes import KroneckerShape, merged_shape

Size = Sequence[int]

_FORWARD = ("kron_linear", "kron_layer", "kron_layer_gelu", "kron_layer_kept")


def _register() -> None:
    formulas: dict[str, Callable[..., int]] = dict.fromkeys(_FORWARD, kernel_flops)
    formulas["kron_linear_backward"] = _linear_backward_flops
    formulas["kron_layer_backward"] = _layer_backward_flops
    for name, formula in formulas.items():
        register_flop_formula(getattr(torch.ops.qimlp, name))(formula)


def kernel_flops(
    x: Size, factors: Sequence[Size], bias: Any, groups: Size, *_: Any, **__: Any
) -> int:
    """Operations of a forward pass.

    Args:
        x: Shape (batch, in_features).
        factors: M shapes (rank, out_i, in_i).
        bias: Not counted.
        groups: How many neighbouring factors are multiplied out into each one that is used.

    Returns:
        Twice the multiply-adds of `KroneckerShape.multiply_adds`.
    """
    del bias
    ranks, outs, ins = zip(*factors, strict=True)
    shape = merged_shape(KroneckerShape(tuple(ins), tuple(outs), ranks[0]), tuple(groups))
    return 2 * shape.multiply_adds(x[0])


def _linear_backward_flops(
    grad: Size,
    x: Size,
    factors: Sequence[Size],
    groups: Size,
    needs_x: bool,
    needs_factors: bool,
    *_: Any,
    **__: Any,
) -> int:
    """As much as forward for each gradient."""
    del grad
    return (needs_x + needs_factors) * kernel_flops(x, factors, None, groups)


def _layer_backward_flops(grad: Size, slope: Size, state: Size, *rest: Any, **__: Any) -> int:
    del slope, state
    return _linear_backward_flops(grad, *rest)


if native.available():
    _register()
