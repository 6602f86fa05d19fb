"""What the compiled CPU kernel is predicted to cost; fitted to measurements of it."""

from __future__ import annotations

from math import prod

from qimlp.shapes.layer import KroneckerShape
from qimlp.shapes.problem import Groups, Problem, merged_shape

_FLOPS = 175e9  # float32, one thread, well-filled registers
_VECTOR = 16
_SHORT_ROW = 1.16  # a row this long takes twice its time
_SHORT_SUM = 3.5  # a contraction this long takes twice its time
_BANDWIDTH = 35e9
_MERGE_BANDWIDTH = 4.1e9
_CALL_SECONDS = 8.9e-6
_BACKWARD = 3.8  # arithmetic of forward and backward over that of forward
_BACKWARD_CALLS = 6.8


def fused_cost(problem: Problem, groups: Groups) -> tuple[float, int]:
    """Predicted seconds of the kernel on merged factors, and the bytes held beside the result.

    One group is the whole weight, which the kernel builds and applies: best for tiny widths.
    """
    merged, rows = merged_shape(problem.shape, groups), problem.rows
    copies = 1 if len(groups) == 1 else merged.rank  # one group is the whole weight, summed up
    wide = max(1.0, problem.item_bytes / 4)  # bfloat16 is computed in float32
    vector = max(1, round(_VECTOR / wide))
    arithmetic = 0.0
    width = merged.in_features
    for step, mode in enumerate(merged.cheapest_order):
        n_in, n_out = merged.in_dims[mode], merged.out_dims[mode]
        width = width // n_in * n_out
        behind = elements_behind(merged, mode, step)
        row = n_out if behind == 1 else behind
        fill = n_in / (n_in + _SHORT_SUM) * row / (row + _SHORT_ROW)
        fill *= row / (-(-row // vector) * vector)
        products = rows * width * copies
        arithmetic += 2 * products * n_in * wide / (_FLOPS * fill)
        arithmetic += products * 4 * wide / _BANDWIDTH
    merging = 0.0
    if len(groups) < problem.shape.num_factors:
        merging = merged.weight_parameters * 4 * wide / _MERGE_BANDWIDTH
    if not problem.needs_grad:
        return arithmetic + merging + _CALL_SECONDS, 0
    seconds = _BACKWARD * arithmetic + 4 * merging + _BACKWARD_CALLS * _CALL_SECONDS
    return seconds, 0


def elements_behind(shape: KroneckerShape, mode: int, step: int) -> int:
    """Elements behind `mode` in a sample when the cheapest order has reached `step`."""
    done = set(shape.cheapest_order[:step])
    behind = range(mode + 1, shape.num_factors)
    return prod(shape.out_dims[j] if j in done else shape.in_dims[j] for j in behind)
