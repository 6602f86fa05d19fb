"""One call of the operator, as far as its cost depends on it, and a machine's rates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Literal

from qimlp.shapes.layer import KroneckerShape

Method = Literal["fused", "two_gemm", "chain", "dense"]
Groups = tuple[int, ...]
Bf16Product = Literal["upcast", "pairs", "tiles"]  # how products of bfloat16 are taken on a CPU

_SEARCHED_FACTORS = 10  # 2 ** 9 groupings at most


@dataclass(frozen=True)
class Rates:
    """What one kind of device does per second, roughly.

    Attributes:
        flops: Peak floating-point operations per second of a large matrix product.
        bandwidth: Bytes per second to memory.
        cache_bandwidth: Bytes per second for what fits into `cache_bytes`.
        cache_bytes: Size of the cache that a layer's tensors can stay in.
        half_size: A matrix product with one side this long runs at half its peak.
        vector: Elements of one vector register; short rows are rounded up to it.
        call_seconds: Fixed price of one call.
        item_seconds: Fixed price of one product within a batched call.
    """

    flops: float
    bandwidth: float
    cache_bandwidth: float
    cache_bytes: int
    half_size: float
    vector: int
    call_seconds: float
    item_seconds: float


_CPU = Rates(131e9, 13.1e9, 31.8e9, 1_500_000, 4.8, 16, 11.4e-6, 8.5e-8)
_CUDA = Rates(40e12, 3e12, 6e12, 30_000_000, 24.0, 32, 8e-6, 5e-10)
_REPLAYED_CALL_SECONDS = 2.5e-6  # of a kernel in a CUDA graph: no Python, no launch from the host
_HALF_SLOWER = 5.0  # torch's products of float16 on a CPU, against float32
_BF16_CALLS = 1.8  # price of torch's products of bfloat16 over that of float32
_CPU_TILES = Rates(1.3e12, 12e9, 10e9, 1_500_000, 16.0, 32, 25e-6, 4e-7)  # AMX, bfloat16
_ITEM_BYTES = {"float64": 8, "float32": 4, "bfloat16": 2, "float16": 2}


@dataclass(frozen=True)
class Problem:
    """One call of the operator, as far as the choice of a method depends on it.

    Attributes:
        shape: The layer.
        batch: Number of rows; `None` when unknown (while a graph is being traced).
        dtype: Name without prefix, such as `"float32"`.
        device: Device type, such as `"cpu"`.
        needs_grad: Whether a backward pass will follow.
        torch_bf16: How torch's own products take bfloat16 on this CPU.
        kernel_bf16: How the compiled kernel's do.
        captured: Whether the call is recorded as part of a CUDA graph, which is then replayed.
    """

    shape: KroneckerShape
    batch: int | None = 1
    dtype: str = "float32"
    device: str = "cpu"
    needs_grad: bool = False
    torch_bf16: Bf16Product = "upcast"
    kernel_bf16: Bf16Product = "upcast"
    captured: bool = False

    @property
    def rows(self) -> int:
        """The batch that costs are predicted for: 64 where it is unknown."""
        return 64 if self.batch is None else self.batch

    @property
    def item_bytes(self) -> int:
        """Bytes of one element."""
        return _ITEM_BYTES.get(self.dtype, 4)

    @property
    def _in_hardware(self) -> bool:
        return self.torch_bf16 != "upcast" and self.dtype == "bfloat16"

    @property
    def rates(self) -> Rates:
        """Rates of the device at this precision."""
        if self._in_hardware and self.torch_bf16 == "tiles":
            return _CPU_TILES
        base = _CUDA if self.device == "cuda" else _CPU
        wide = self.item_bytes / 4  # float64 runs at half the rate of float32
        narrow_cpu = self.device != "cuda" and self.item_bytes < 4 and not self._in_hardware
        flops = base.flops if narrow_cpu else base.flops / wide
        if self.device == "cuda" and self.item_bytes < 4:
            flops *= 8  # tensor cores
        elif self.dtype == "float16":
            flops /= _HALF_SLOWER
        call_seconds = _REPLAYED_CALL_SECONDS if self.captured else base.call_seconds
        return Rates(
            flops,
            base.bandwidth,
            base.cache_bandwidth,
            base.cache_bytes,
            base.half_size,
            max(1, round(base.vector / wide)),
            call_seconds * (_BF16_CALLS if self._in_hardware else 1.0),
            base.item_seconds,
        )


@dataclass(frozen=True)
class Candidate:
    """One method with one grouping of neighbouring factors, and its predicted cost.

    Attributes:
        method: `"fused"` is the compiled kernel (C++ on the CPU, Triton on a GPU); `"two_gemm"`
            contracts two factors with all copies inside two matrix products; `"chain"` goes
            factor by factor; `"dense"` builds the weight once.
        groups: How many neighbouring factors are multiplied out into each factor used.
        seconds: Predicted time of the call, with its backward pass where one is needed.
        extra_bytes: What is held beside input, output and factors.
    """

    method: Method
    groups: Groups
    seconds: float
    extra_bytes: int

    @property
    def way(self) -> Method:
        """The older name of `method`."""
        return self.method

    def describe(self, shape: KroneckerShape) -> str:
        """The method in words, such as `two_gemm on 16x49->16x49`."""
        if self.method == "dense":
            return "dense"
        merged = "" if set(self.groups) == {1} else " (neighbours merged)"
        return f"{self.method} on {merged_shape(shape, self.groups)}{merged}"


def merged_shape(shape: KroneckerShape, groups: Groups) -> KroneckerShape:
    """Shape of the layer after each group of neighbouring factors is multiplied out."""
    ins, outs, start = [], [], 0
    for size in groups:
        ins.append(prod(shape.in_dims[start : start + size]))
        outs.append(prod(shape.out_dims[start : start + size]))
        start += size
    return KroneckerShape(tuple(ins), tuple(outs), shape.rank)


def groupings(shape: KroneckerShape) -> Iterator[Groups]:
    """Every way to multiply neighbouring factors out, from one group to M."""
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


def product_seconds(rates: Rates, m: int, n: int, k: int, count: int = 1) -> float:
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


def move_seconds(problem: Problem, elements: int) -> float:
    """Time to move that many elements once."""
    rates, size = problem.rates, elements * problem.item_bytes
    return size / (rates.cache_bandwidth if size < rates.cache_bytes else rates.bandwidth)
