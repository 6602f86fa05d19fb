"""What the compiled CPU kernel is predicted to cost; fitted to measurements of it."""

from __future__ import annotations

import math
from math import prod

from qimlp.shapes.layer import KroneckerShape
from qimlp.shapes.problem import Groups, Problem, merged_shape

_FLOPS = 175e9  # float32, one thread, well-filled registers
_VECTOR = 16
_SHORT_ROW = 1.16  # a row this long takes twice its time
_SHORT_SUM = 3.5  # a contraction this long takes twice its time
_INTERLEAVE = 6  # multiply-adds that putting an element side by side with others is worth
_PAIR = 2  # and pairing one with the next row's
_TILE = 16  # rows and sums of a row of a tile
_TILE_SECONDS = 20e-9  # of one tile of sums, its writing out included,
_CHUNK_SECONDS = 8e-9  # and of each 16 pairs that are added to it
_ODD_SECONDS = 10e-9  # and where the last pair is half another row's
_PAIR_SECONDS = 1.2e-10  # of pairing one number with the next row's before
_LARGEST_ITEM = 32 * 1024  # elements of the largest state that the kernel puts side by side
_BANDWIDTH = 35e9
_MERGE_BANDWIDTH = 4.1e9
_PACK_SECONDS = 5e-10  # of each number of a factor that is packed for the last axis
_CALL_SECONDS = 8.9e-6
_BACKWARD = 3.8  # arithmetic of forward and backward over that of forward
_BACKWARD_CALLS = 6.8


def fused_cost(problem: Problem, groups: Groups) -> tuple[float, int]:
    """Predicted seconds of the kernel on merged factors, and the bytes held beside the result.

    One group is the whole weight, which the kernel builds and applies: best for tiny widths.
    """
    merged = merged_shape(problem.shape, groups)
    copies = 1 if len(groups) == 1 else merged.rank  # one group is the whole weight, summed up
    tiles = problem.dtype == "bfloat16" and problem.kernel_bf16 == "tiles"
    one_at_a_time = _by_tiles if tiles else _one_sample_at_a_time
    arithmetic = min(one_at_a_time(problem, merged, copies), _side_by_side(problem, merged, copies))
    wide = max(1.0, problem.item_bytes / 4)
    merging = 0.0
    if len(groups) < problem.shape.num_factors:
        merging = merged.weight_parameters * 4 * wide / _MERGE_BANDWIDTH
    packing = copies * merged.in_dims[-1] * merged.out_dims[-1] * wide * _PACK_SECONDS
    if not problem.needs_grad:
        return arithmetic + merging + packing + _CALL_SECONDS, 0
    seconds = _BACKWARD * arithmetic + 4 * merging + 2 * packing + _BACKWARD_CALLS * _CALL_SECONDS
    return seconds, 0


def _one_sample_at_a_time(problem: Problem, merged: KroneckerShape, copies: int) -> float:
    """Predicted seconds of the steps: vectors go along rows, or along what lies behind an axis."""
    wide = max(1.0, problem.item_bytes / 4)  # bfloat16 is computed in float32, or in pairs
    paired = 2 if problem.dtype == "bfloat16" and problem.kernel_bf16 == "pairs" else 1
    vector = max(1, round(_VECTOR / wide))
    seconds = 0.0
    width = merged.in_features
    for step, mode in enumerate(merged.cheapest_order):
        n_in, n_out = merged.in_dims[mode], merged.out_dims[mode]
        width = width // n_in * n_out
        behind = elements_behind(merged, mode, step)
        row = n_out if behind == 1 else behind
        depth = -(-n_in // paired)
        fill = depth / (depth + _SHORT_SUM) * row / (row + _SHORT_ROW)
        fill *= row / (-(-row // vector) * vector)
        products = problem.rows * width * copies
        seconds += 2 * products * depth * wide / (_FLOPS * fill)
        seconds += products * 4 * wide / _BANDWIDTH
        if paired > 1 and behind > 1:
            seconds += 2 * _PAIR * (products // n_out) * n_in / _FLOPS
    return seconds


def _by_tiles(problem: Problem, merged: KroneckerShape, copies: int) -> float:
    """Predicted seconds of the steps where tiles of sums are filled (AMX)."""
    seconds = 0.0
    width = merged.in_features
    for step, mode in enumerate(merged.cheapest_order):
        n_in, n_out = merged.in_dims[mode], merged.out_dims[mode]
        before_step, width = width, width // n_in * n_out
        behind = elements_behind(merged, mode, step)
        if behind == 1:  # rows of all samples follow each other
            tiles = -(-problem.rows * width // (n_out * _TILE)) * -(-n_out // _TILE)
        else:
            blocks = problem.rows * width // (n_out * behind)
            tiles = blocks * -(-n_out // _TILE) * -(-behind // _TILE)
        last = step + 1 == merged.num_factors  # adds up the copies
        chunks = -(-n_in // (2 * _TILE))
        each = _TILE_SECONDS + chunks * _CHUNK_SECONDS * (copies if last else 1)
        each += _ODD_SECONDS * (n_in % 2) * (copies if last else 1)
        seconds += tiles * each * (1 if last else copies)
        if behind > 1:
            paired = problem.rows * before_step * (copies if step > 0 else 1)
            seconds += paired * _PAIR_SECONDS
    return seconds


def _side_by_side(problem: Problem, merged: KroneckerShape, copies: int) -> float:
    """The same where the samples of a vector are its lanes; infinite where the kernel does not."""
    wide = max(1.0, problem.item_bytes / 4)
    vector = max(1, round(_VECTOR / wide))
    rows = -(-problem.rows // vector) * vector
    width = merged.in_features
    largest, seconds = width, 0.0
    for mode in merged.cheapest_order:
        n_in, n_out = merged.in_dims[mode], merged.out_dims[mode]
        width = width // n_in * n_out
        largest = max(largest, width * copies)
        fill = n_in / (n_in + _SHORT_SUM)
        seconds += 2 * rows * width * copies * n_in * wide / (_FLOPS * fill)
        seconds += rows * width * copies * 4 * wide / _BANDWIDTH
    if largest * vector > _LARGEST_ITEM:
        return math.inf
    moved = rows * (merged.in_features + merged.out_features)
    return seconds + 2 * _INTERLEAVE * moved * wide / _FLOPS


def elements_behind(shape: KroneckerShape, mode: int, step: int) -> int:
    """Elements behind `mode` in a sample when the cheapest order has reached `step`."""
    done = set(shape.cheapest_order[:step])
    behind = range(mode + 1, shape.num_factors)
    return prod(shape.out_dims[j] if j in done else shape.in_dims[j] for j in behind)
