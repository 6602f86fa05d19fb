"""The time that no program can beat on this machine: max(flops / peak, bytes / bandwidth).

- peak: the best rate of a large square matrix product, measured on the spot; on the CPU that of
  float32 for a narrower dtype whose own is slower;
- bandwidth: the best rate of a copy that moves as many bytes as the problem has (read plus
  written), measured on the spot. A problem that fits in a cache is held against that cache;
- flops: the least arithmetic of the known methods: factor by factor in the cheapest order, or one
  dense weight. Gradients of the input and of the parameters cost the same again each;
- bytes: every input read once, every output written once, nothing in between.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from qimlp.bench.case import BOTH, Case
from qimlp.bench.timing import repeats_needed, seconds_per_call
from qimlp.shapes import KroneckerShape

_GEMM_SIZE = {"cpu": 1024, "cuda": 8192}
_LEAST_COPY_BYTES = 2**16  # below this a copy measures the cost of a call, not of memory
_TRIES = 10


@dataclass(frozen=True)
class Work:
    """Least arithmetic and least traffic of one computation."""

    flops: int
    bytes: int


@dataclass(frozen=True)
class Floor:
    """Least seconds of one computation, and the rates that they rest on."""

    seconds: float
    flops_per_second: float
    bytes_per_second: float

    def fields(self, median: float) -> dict[str, float]:
        """The floor, and how a measured time compares with it, as a JSON file holds them."""
        return {
            "floor_s": self.seconds,
            "multiple_of_floor": median / self.seconds,
            "peak_flops_per_s": self.flops_per_second,
            "bandwidth_bytes_per_s": self.bytes_per_second,
        }


def forward_flops(shape: KroneckerShape, batch: int) -> int:
    """Least floating-point operations of one forward pass over the batch."""
    build = shape.rank * shape.dense_weight_parameters if shape.num_factors > 1 else 0
    dense = shape.dense_multiply_adds(batch) + build
    return 2 * min(shape.multiply_adds(batch), dense)


def layer_work(case: Case, mode: str, element_size: int) -> Work:
    """Least work of one layer with a dense bias, in `mode`, at `element_size` bytes a number."""
    shape = case.shape
    flops = forward_flops(shape, case.batch)
    numbers = case.batch * (shape.in_features + shape.out_features) + shape.parameters("dense")
    if mode == BOTH:  # the output's gradient comes in; the input's and the parameters' go out
        return Work(3 * flops, 2 * numbers * element_size)
    return Work(flops, numbers * element_size)


class Machine:
    """The rates of one device at one dtype, measured when asked for.

    The peak is measured anew each time and the best is kept: on a shared machine a first look may
    fall on a slow moment.
    """

    def __init__(self, device: torch.device, dtype: torch.dtype) -> None:
        self.device = device
        self.dtype = dtype
        self._peak = 0.0

    @property
    def peak(self) -> float:
        """Best flops per second of a large square matrix product, now and so far."""
        found = [self._product_rate(self.dtype)]
        if self.device.type == "cpu" and self.dtype.itemsize < torch.float32.itemsize:
            found.append(self._product_rate(torch.float32))  # not every CPU computes in less
        self._peak = max(self._peak, *found)
        return self._peak

    def _product_rate(self, dtype: torch.dtype) -> float:
        size = _GEMM_SIZE[self.device.type]
        left, right = torch.ones(2, size, size, device=self.device, dtype=dtype)
        out = torch.empty_like(left)
        return 2 * size**3 / self._best_seconds(lambda: torch.mm(left, right, out=out))

    def bandwidth(self, moved: int) -> float:
        """Best bytes per second (read plus written) of a copy that moves `moved` bytes."""
        half = max(moved, _LEAST_COPY_BYTES) // 2
        source = torch.ones(half, device=self.device, dtype=torch.uint8)
        target = torch.empty_like(source)
        return 2 * half / self._best_seconds(lambda: target.copy_(source))

    def floor(self, work: Work) -> Floor:
        """Least seconds that `work` can take here."""
        peak, bandwidth = self.peak, self.bandwidth(work.bytes)
        seconds = max(work.flops / peak, work.bytes / bandwidth)
        return Floor(seconds, peak, bandwidth)

    def _best_seconds(self, call: Callable[[], object]) -> float:
        repeats = repeats_needed(call, self.device)
        return min(seconds_per_call(call, repeats, self.device) for _ in range(_TRIES))
