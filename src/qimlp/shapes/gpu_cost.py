"""What the fused GPU kernels are predicted to cost, by arithmetic: nothing here is measured yet."""

from __future__ import annotations

from qimlp.shapes.gpu_limits import padded, tile_multiply_adds
from qimlp.shapes.problem import Groups, Problem, merged_shape, move_seconds

_COPY_SHARE = 0.75  # of the speed of a plain copy, where memory is the limit
_PEAK_SHARE = 0.3  # of a large matrix product's speed, where arithmetic is
_BACKWARD_MOVES = 1.5  # gradient and input are read, the input's gradient is written: 3 for 2
_BACKWARD_PRODUCTS = 2.5  # the intermediate once more and two products for each of two gradients
_OPERATOR_SECONDS = 35e-6  # Python around a kernel, where launches are not recorded
_BACKWARD_LAUNCHES = 2  # the kernel, and the sums over its programs


def gpu_fused_cost(problem: Problem, groups: Groups) -> float:
    """Predicted seconds of the kernels on factors that are multiplied out.

    Two groups are one kernel; more are applied in pairs, and what lies between two pairs is read,
    written and put into another order.
    """
    merged = merged_shape(problem.shape, groups)
    rows, passes = problem.rows, -(-len(groups) // 2)
    if len(groups) == 2:
        moved = rows * (merged.in_features + merged.out_features)
        products = tile_multiply_adds(problem.shape, groups)
    else:
        widest = max(merged.in_features, merged.out_features)
        moved = 4 * passes * rows * widest
        products = widest * sum(map(padded, merged.in_dims))
    moving = move_seconds(problem, moved) / _COPY_SHARE
    computing = 2 * rows * products * merged.rank / (problem.rates.flops * _PEAK_SHARE)
    launch = problem.rates.call_seconds
    operator = launch if problem.captured else launch + _OPERATOR_SECONDS
    seconds = max(moving, computing) + passes * operator
    if problem.needs_grad:
        seconds += max(_BACKWARD_MOVES * moving, _BACKWARD_PRODUCTS * computing)
        seconds += passes * (operator + (_BACKWARD_LAUNCHES - 1) * launch)
    return seconds
