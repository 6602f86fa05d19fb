"""What each way to compute a layer is predicted to cost, by arithmetic on the problem alone.

The model is coarse on purpose: a matrix product runs at the machine's peak times how well its
sizes fill the arithmetic units, every tensor is moved once, every call has a fixed price. It has to
put the ways in the right order, not to predict a clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Literal

from qimlp.shapes.layer import KroneckerShape

Way = Literal["dense", "two_gemm", "chain"]
Groups = tuple[int, ...]

_SEARCHED_FACTORS = 10  # 2 ** 9 groupings at most


@dataclass(frozen=True)
class Rates:
    """What one kind of device does per second, roughly.

    Attributes:
        flops: peak floating-point operations per second of a large matrix product.
        bandwidth: bytes per second to memory.
        cache_bandwidth: bytes per second for what fits into `cache_bytes`.
        cache_bytes: size of the cache that a layer's tensors can stay in.
        half_size: a matrix product with one side this long runs at half its peak.
        vector: elements of one vector register; short rows are rounded up to it.
        call_seconds: fixed price of one call.
        item_seconds: fixed price of one product within a batched call.
    """

    flops: float
    bandwidth: float
    cache_bandwidth: float
    cache_bytes: int
    half_size: float
    vector: int
    call_seconds: float
    item_seconds: float


_CPU = Rates(80e9, 25e9, 36e9, 1_500_000, 6.0, 16, 5.5e-6, 1.4e-7)
_CUDA = Rates(40e12, 3e12, 6e12, 30_000_000, 24.0, 32, 8e-6, 5e-10)
_ITEM_BYTES = {"float64": 8, "float32": 4, "bfloat16": 2, "float16": 2}


@dataclass(frozen=True)
class Problem:
    """One call of the operator, as far as the choice of a way depends on it.

    Attributes:
        shape: the layer.
        batch: number of rows; `None` when unknown (while a graph is being traced).
        dtype: name without prefix, such as `"float32"`.
        device: device type, such as `"cpu"`.
        needs_grad: whether a backward pass will follow.
    """

    shape: KroneckerShape
    batch: int | None = 1
    dtype: str = "float32"
    device: str = "cpu"
    needs_grad: bool = False

    @property
    def rows(self) -> int:
        """The batch that costs are predicted for: 64 where it is unknown."""
        return 64 if self.batch is None else self.batch

    @property
    def item_bytes(self) -> int:
        """Bytes of one element."""
        return _ITEM_BYTES.get(self.dtype, 4)

    @property
    def rates(self) -> Rates:
        """Rates of the device at this precision."""
        base = _CUDA if self.device == "cuda" else _CPU
        wide = self.item_bytes / 4  # float64 runs at half the rate of float32
        narrow_cpu = self.device != "cuda" and self.item_bytes < 4
        flops = base.flops if narrow_cpu else base.flops / wide
        if self.device == "cuda" and self.item_bytes < 4:
            flops *= 8  # tensor cores
        return Rates(
            flops,
            base.bandwidth,
            base.cache_bandwidth,
            base.cache_bytes,
            base.half_size,
            max(1, round(base.vector / wide)),
            base.call_seconds,
            base.item_seconds,
        )


@dataclass(frozen=True)
class Candidate:
    """One way with one grouping of neighbouring factors, and its predicted cost.

    Attributes:
        way: `"dense"` builds the weight once; `"two_gemm"` contracts two factors with all
            copies inside two matrix products; `"chain"` goes factor by factor.
        groups: how many neighbouring factors are multiplied out into each factor used.
        seconds: predicted time of the call, with its backward pass where one is needed.
        extra_bytes: what is held beside input, output and factors.
    """

    way: Way
    groups: Groups
    seconds: float
    extra_bytes: int

    def describe(self, shape: KroneckerShape) -> str:
        """The way in words, such as `two_gemm on 16x49->16x49`."""
        if self.way == "dense":
            return "dense"
        merged = "" if set(self.groups) == {1} else " (neighbours merged)"
        return f"{self.way} on {merged_shape(shape, self.groups)}{merged}"


def merged_shape(shape: KroneckerShape, groups: Groups) -> KroneckerShape:
    """Shape of the layer after each group of neighbouring factors is multiplied out."""
    ins, outs, start = [], [], 0
    for size in groups:
        ins.append(prod(shape.in_dims[start : start + size]))
        outs.append(prod(shape.out_dims[start : start + size]))
        start += size
    return KroneckerShape(tuple(ins), tuple(outs), shape.rank)


def candidates(problem: Problem) -> tuple[Candidate, ...]:
    """Every way with its best grouping, cheapest first."""
    best: dict[Way, Candidate] = {}
    for groups in _groupings(problem.shape):
        way: Way = "dense" if len(groups) == 1 else "two_gemm" if len(groups) == 2 else "chain"
        seconds, extra = _COSTS[way](problem, groups)
        if way not in best or seconds < best[way].seconds:
            best[way] = Candidate(way, groups, seconds, extra)
    return tuple(sorted(best.values(), key=lambda c: c.seconds))


def linear_seconds(problem: Problem) -> float:
    """Predicted time of `nn.Linear` of the same width."""
    return _linear_seconds(problem)


def _groupings(shape: KroneckerShape) -> Iterator[Groups]:
    count = shape.num_factors
    unit = -(-count // _SEARCHED_FACTORS)  # many factors: only whole runs of `unit` are grouped
    blocks = [min(unit, count - start) for start in range(0, count, unit)]
    for cuts in range(2 ** (len(blocks) - 1)):
        groups = [blocks[0]]
        for i, block in enumerate(blocks[1:]):
            if cuts >> i & 1:
                groups.append(block)
            else:
                groups[-1] += block
        yield tuple(groups)
    if unit > 1:
        yield (1,) * count


def _product_seconds(rates: Rates, m: int, n: int, k: int, count: int = 1) -> float:
    """`count` products of `(m, k)` by `(k, n)`; the order of m and n does not matter."""
    short, long = sorted((max(m, 1), max(n, 1)))
    k = max(k, 1)
    fill = short / (short + rates.half_size) * k / (k + rates.half_size)
    fill *= long / (-(-long // rates.vector) * rates.vector)
    return (
        2 * m * n * k * count / (rates.flops * fill)
        + rates.call_seconds
        + (rates.item_seconds * count if count > 1 else 0.0)
    )


def _move_seconds(problem: Problem, elements: int) -> float:
    rates, size = problem.rates, elements * problem.item_bytes
    return size / (rates.cache_bandwidth if size < rates.cache_bytes else rates.bandwidth)


def _linear_seconds(problem: Problem) -> float:
    shape, rows = problem.shape, problem.rows
    n_in, n_out = shape.in_features, shape.out_features
    once = _product_seconds(problem.rates, rows, n_out, n_in) + _move_seconds(problem, n_in * n_out)
    if not problem.needs_grad:
        return once
    return 3 * once + 4 * problem.rates.call_seconds


def _merge_seconds(problem: Problem, groups: Groups) -> float:
    merges = sum(size - 1 for size in groups)
    if not merges:
        return 0.0
    elements = merged_shape(problem.shape, groups).weight_parameters
    passes = 4 if problem.needs_grad else 1
    return passes * (2 * merges * problem.rates.call_seconds + _move_seconds(problem, 2 * elements))


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
            _merge_seconds(problem, halves) + rates.call_seconds + _move_seconds(problem, 2 * size)
        )
        if shape.rank > 1:
            build += _product_seconds(rates, first, second, shape.rank)
        seconds += build
        if problem.needs_grad:  # the weight's gradient goes back through the sum of products
            seconds += 2 * build + _move_seconds(problem, 4 * size)
    elif shape.rank > 1:
        seconds += rates.call_seconds + _move_seconds(problem, (shape.rank + 1) * size)
    copies = 2 if problem.needs_grad else 1
    return seconds, copies * size * problem.item_bytes


def _two_gemm_cost(problem: Problem, groups: Groups) -> tuple[float, int]:
    merged, rows, rates = merged_shape(problem.shape, groups), problem.rows, problem.rates
    (q, s), (p, r), c = merged.in_dims, merged.out_dims, merged.rank
    if q * r * (s + p) <= p * s * (q + r):  # second factor first
        middle = rows * q * c * r
        seconds = _product_seconds(rates, rows * q, c * r, s)
        seconds += _product_seconds(rates, p, r, q * c, rows)
    else:
        middle = rows * p * c * s
        seconds = _product_seconds(rates, p * c, s, q, rows)
        seconds += _product_seconds(rates, rows * p, r, c * s)
    seconds += _move_seconds(problem, rows * (q * s + p * r) + 2 * middle)
    if problem.needs_grad:
        # Two products for the input's gradient, two for the factors', one to recompute.
        seconds = 3.5 * seconds + 6 * rates.call_seconds
    seconds += _merge_seconds(problem, groups) + 2 * rates.call_seconds
    return seconds, middle * problem.item_bytes


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
            seconds += _product_seconds(rates, width // n_out, n_out, n_in, copies)
            seconds += _move_seconds(problem, copies * width)
        else:
            after = _elements_after(merged, mode, step)
            count = max(width // (n_out * after), 1)
            if after == 1:
                seconds += _product_seconds(rates, count, n_out, n_in)
            else:
                seconds += _product_seconds(rates, n_out, after, n_in, count)
        seconds += _move_seconds(problem, copies * (before + width))
        largest = max(largest, copies * (before + width))
        saved += copies * width
    if merged.rank > 1:
        seconds += _move_seconds(problem, 2 * width)
    if problem.needs_grad:
        seconds = 3.2 * seconds + 6 * merged.num_factors * rates.call_seconds
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


def _elements_after(shape: KroneckerShape, mode: int, step: int) -> int:
    """Elements behind `mode` when the cheapest order has reached `step`."""
    done = set(shape.cheapest_order[:step])
    behind: Sequence[int] = range(mode + 1, shape.num_factors)
    return prod(shape.out_dims[j] if j in done else shape.in_dims[j] for j in behind)


_COSTS = {"dense": _dense_cost, "two_gemm": _two_gemm_cost, "chain": _chain_cost}
