"""What each method to compute a layer is predicted to cost, by arithmetic on the problem alone.

The model is coarse on purpose: a matrix product runs at the machine's peak times how well its
sizes fill the arithmetic units, every tensor is moved once, every call has a fixed price. It has to
put the methods in the right order, not to predict a clock.
"""

from __future__ import annotations

from qimlp.shapes.fused_cost import elements_behind, fused_cost
from qimlp.shapes.gpu_cost import gpu_fused_cost
from qimlp.shapes.gpu_limits import fused_groups
from qimlp.shapes.layer import KroneckerShape
from qimlp.shapes.problem import (
    Candidate,
    Groups,
    Method,
    Problem,
    groupings,
    merged_shape,
    move_seconds,
    product_seconds,
)

_SMALL_WEIGHT = 2**14  # a dense weight that the compiled kernel builds as well as it uses it

# Forward and backward over forward alone, and calls that the backward pass adds. Those of
# `nn.Linear` and of merging are counted, the others fitted, as `problem.Rates` was, to calls timed
# on one thread of the AMD EPYC of docs/internals/kernel-notes.md in float32.
_LINEAR_PASSES, _LINEAR_BACKWARD_CALLS = 3, 4
_MERGE_PASSES = 4
_TWO_GEMM_PASSES = 3.5  # two products for each of two gradients and one to recompute: 7 for 2
_TWO_GEMM_BACKWARD_CALLS = 6
_CHAIN_PASSES = 3.2
_CHAIN_BACKWARD_CALLS = 6  # for each factor

# A batch of products with few columns is slower than one product of turned blocks; timed there too.
_FEW_COLUMNS = 8  # up to here always
_COLUMNS_OF_A_BATCH = 16  # from here on never
_LARGE_MATRIX = 64 * 64  # elements of a matrix for which it is so between the two


def candidates(problem: Problem, *, fused: bool = False) -> tuple[Candidate, ...]:
    """Every method with its best grouping, cheapest first.

    Args:
        problem: The call.
        fused: Whether there is a compiled kernel for it.
    """
    best: dict[Method, Candidate] = {}
    for groups in groupings(problem.shape):
        method = _METHOD_OF.get(len(groups), "chain")
        seconds, extra = _COSTS[method](problem, groups)
        if method not in best or seconds < best[method].seconds:
            best[method] = Candidate(method, groups, seconds, extra)
        fits = method != "dense" or problem.shape.dense_weight_parameters <= _SMALL_WEIGHT
        if fused and fits and problem.device != "cuda":
            seconds, extra = fused_cost(problem, groups)
            if "fused" not in best or seconds < best["fused"].seconds:
                best["fused"] = Candidate("fused", groups, seconds, extra)
    if fused and problem.device == "cuda":  # those kernels group by what fits into fast memory
        groups = fused_groups(problem.shape, problem.dtype)
        seconds = gpu_fused_cost(problem, groups) + _merge_seconds(problem, groups)
        best["fused"] = Candidate("fused", groups, seconds, 0)
    return tuple(sorted(best.values(), key=lambda c: c.seconds))


def linear_seconds(problem: Problem) -> float:
    """Predicted time of `nn.Linear` of the same width."""
    return _linear_seconds(problem)


def _linear_seconds(problem: Problem) -> float:
    shape, rows = problem.shape, problem.rows
    n_in, n_out = shape.in_features, shape.out_features
    once = product_seconds(problem.rates, rows, n_out, n_in)
    once += move_seconds(problem, n_in * n_out) + move_seconds(problem, rows * (n_in + n_out))
    if not problem.needs_grad:
        return once
    return _LINEAR_PASSES * once + _LINEAR_BACKWARD_CALLS * problem.rates.call_seconds


def _merge_seconds(problem: Problem, groups: Groups) -> float:
    merges = sum(size - 1 for size in groups)
    if not merges:
        return 0.0
    elements = merged_shape(problem.shape, groups).weight_parameters
    passes = _MERGE_PASSES if problem.needs_grad else 1
    return passes * (2 * merges * problem.rates.call_seconds + move_seconds(problem, 2 * elements))


def _dense_cost(problem: Problem, groups: Groups) -> tuple[float, int]:
    del groups
    shape, rates = problem.shape, problem.rates
    size = shape.dense_weight_parameters
    seconds = _linear_seconds(problem)
    if shape.num_factors > 1:
        halves = min(
            ((cut, shape.num_factors - cut) for cut in range(1, shape.num_factors)),
            key=lambda pair: merged_shape(shape, pair).weight_parameters,
        )
        first, second = (o * i for _, o, i in merged_shape(shape, halves).factor_shapes)
        build = (
            _merge_seconds(problem, halves) + rates.call_seconds + move_seconds(problem, 2 * size)
        )
        if shape.rank > 1:
            build += product_seconds(rates, first, second, shape.rank)
        seconds += build
        if problem.needs_grad:  # the weight's gradient goes back through the sum of products
            seconds += 2 * build + move_seconds(problem, 4 * size)
    elif shape.rank > 1:
        seconds += rates.call_seconds + move_seconds(problem, (shape.rank + 1) * size)
    copies = 2 if problem.needs_grad else 1
    return seconds, copies * size * problem.item_bytes


def _two_gemm_cost(problem: Problem, groups: Groups) -> tuple[float, int]:
    merged, rows, rates = merged_shape(problem.shape, groups), problem.rows, problem.rates
    (q, s), (p, r), c = merged.in_dims, merged.out_dims, merged.rank
    first, second = c * p * q, c * r * s  # numbers of the factors; copies are put side by side
    copied = 3 if c > 1 else 1
    if q * r * (s + p) <= p * s * (q + r):  # second factor first: it is as it is to be
        middle = rows * q * c * r
        factors = copied * first + second
        seconds = product_seconds(rates, rows * q, c * r, s)
        seconds += _batch_seconds(problem, p, q * c, r)
    else:
        middle = rows * p * c * s
        factors = copied * (first + second)
        seconds = _batch_seconds(problem, p * c, q, s)
        seconds += product_seconds(rates, rows * p, r, c * s)
    seconds += move_seconds(problem, rows * (q * s + p * r) + 2 * middle)
    seconds += move_seconds(problem, factors)
    if problem.needs_grad:
        seconds = _TWO_GEMM_PASSES * seconds + _TWO_GEMM_BACKWARD_CALLS * rates.call_seconds
    seconds += _merge_seconds(problem, groups) + 2 * rates.call_seconds
    return seconds, middle * problem.item_bytes


def turns(m: int, n: int, k: int) -> bool:
    """Whether a matrix (m, n) times a block of k columns of every row is taken as one product.

    A batch of products takes few columns slowly, up to six times as long; the blocks are turned.
    """
    if k <= _FEW_COLUMNS:
        return True
    return k < _COLUMNS_OF_A_BATCH and m * n >= _LARGE_MATRIX


def _batch_seconds(problem: Problem, m: int, n: int, k: int) -> float:
    """A matrix (m, n) times a block (n, k) of every row."""
    if not turns(m, n, k):
        return product_seconds(problem.rates, m, k, n, problem.rows)
    turned = move_seconds(problem, 2 * problem.rows * (n + m) * k)
    return product_seconds(problem.rates, problem.rows * k, m, n) + turned


def _chain_cost(problem: Problem, groups: Groups) -> tuple[float, int]:
    merged, rows, rates = merged_shape(problem.shape, groups), problem.rows, problem.rates
    seconds, largest = 0.0, 0
    width, saved = rows * merged.in_features, 0
    for step, mode in enumerate(chain_order(merged)):
        n_in, n_out = merged.in_dims[mode], merged.out_dims[mode]
        before = width
        width = width // n_in * n_out
        copies = merged.rank if merged.rank > 1 else 1
        if merged.rank > 1:
            seconds += product_seconds(rates, width // n_out, n_out, n_in, copies)
            seconds += move_seconds(problem, copies * width)
        else:
            after = elements_behind(merged, mode, step)
            count = max(width // (n_out * after), 1)
            if after == 1:
                seconds += product_seconds(rates, count, n_out, n_in)
            else:
                seconds += product_seconds(rates, n_out, after, n_in, count)
        seconds += move_seconds(problem, copies * (before + width))
        largest = max(largest, copies * (before + width))
        saved += copies * width
    if merged.rank > 1:
        seconds += move_seconds(problem, 2 * width)
    if problem.needs_grad:
        calls = _CHAIN_BACKWARD_CALLS * merged.num_factors
        seconds = _CHAIN_PASSES * seconds + calls * rates.call_seconds
        largest = saved
    seconds += _merge_seconds(problem, groups)
    return seconds, largest * problem.item_bytes


def chain_order(shape: KroneckerShape) -> tuple[int, ...]:
    """Order of the mode products that `chain` takes.

    One copy goes in the cheapest order. Several copies go from the last factor to the first, so
    that every product is one large matrix product over all copies.
    """
    if shape.rank == 1:
        return shape.cheapest_order
    return tuple(reversed(range(shape.num_factors)))


_METHOD_OF: dict[int, Method] = {1: "dense", 2: "two_gemm"}  # by the number of factors used
_COSTS = {
    "two_gemm": _two_gemm_cost,
    "chain": _chain_cost,
    "dense": _dense_cost,
}
