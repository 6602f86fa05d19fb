"""How the fused kernels may be launched, and Triton's tuner over these launches.

A shape is tuned once for each dtype and class of batch sizes, when it is first met. No choice here
changes which numbers are added in which order: how rows are shared out is not tuned where they are
summed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import torch
import triton  # type: ignore[import-not-found,import-untyped,unused-ignore]
from triton.testing import (  # type: ignore[import-not-found,import-untyped,unused-ignore]
    do_bench,
)

from qimlp.ops.triton import kernels as triton_kernels

SMALL_TILE = 32 * 32
MEDIUM_TILE = 64 * 64

_WARM_UP_MS, _TIMED_MS = 5, 25  # of each launch that is tried

_Choices = tuple[tuple[int, ...], ...]

# Largest tile -> (warps, pipeline stages, programs per multiprocessor of the forward kernel).
# Of k stages k - 2 rows are on their way while one is computed with: what the compiler makes of 2
# waits for a row right after asking for it, and other programs compute meanwhile.
_FORWARD: dict[int, _Choices] = {
    SMALL_TILE: ((1, 2, 32), (2, 3, 12), (2, 4, 14), (4, 2, 8)),
    MEDIUM_TILE: ((4, 2, 5), (4, 3, 4), (4, 4, 4), (8, 3, 3)),
    128 * 128: ((8, 1, 2), (8, 2, 1)),
}
_BACKWARD: dict[int, _Choices] = {
    SMALL_TILE: ((1, 2), (2, 2), (2, 3), (4, 2)),
    MEDIUM_TILE: ((4, 2), (4, 3), (4, 4), (8, 3)),
    128 * 128: ((8, 1), (8, 2)),
}
_FORWARD_FLOAT32 = ((4, 2, 8), (8, 2, 8))
_BACKWARD_FLOAT32 = ((8, 1), (8, 2))


def largest_tile(arguments: Mapping[str, Any]) -> int:
    """Elements of the largest tile of a launch, from its arguments PP, QQ, RR and SS."""
    pp, qq, rr, ss = (arguments[name] for name in ("PP", "QQ", "RR", "SS"))
    return int(max(pp * qq, rr * ss, pp * rr, qq * ss))


def _largest_with_intermediate(arguments: Mapping[str, Any]) -> int:
    """The same with the tiles between the two products, which have to stay in registers, too."""
    pp, qq, rr, ss = (arguments[name] for name in ("PP", "QQ", "RR", "SS"))
    return int(max(largest_tile(arguments), qq * rr, pp * ss))


@lru_cache(maxsize=1)
def forward_kernel() -> Any:
    """The forward kernel, tuned; untuned under Triton's interpreter."""
    return _tuned(triton_kernels.forward_kernel, forward_choices, ("HAS_BIAS",))


@lru_cache(maxsize=1)
def backward_kernel() -> Any:
    """The backward kernel, tuned; untuned under Triton's interpreter."""
    needs = ("NEEDS_X", "NEEDS_A", "NEEDS_B", "NEEDS_BIAS")
    return _tuned(triton_kernels.backward_kernel, backward_choices, needs)


def is_interpreted() -> bool:
    """Whether Triton runs its kernels in its interpreter, on CPU tensors."""
    return not isinstance(triton_kernels.forward_kernel, triton.JITFunction)


def _tuned(kernel: Any, choices: Any, key: tuple[str, ...]) -> Any:
    if is_interpreted():
        return kernel
    tune = triton.autotune(
        configs=choices(None),
        key=["size_class", "P", "Q", "R", "S", "RANK", *key],
        prune_configs_by={
            "early_config_prune": lambda _, named, **rest: choices({**named, **rest})
        },
        do_bench=_time,
    )
    return tune(kernel)


def _time(call: Callable[[], Any], quantiles: Sequence[float]) -> Any:
    """How long a launch takes, as Triton's tuner asks for it.

    Raises:
        RuntimeError: Launches are being recorded, among which none can be timed.
    """
    if torch.cuda.is_current_stream_capturing():
        raise RuntimeError(
            "the fused kernels are tuned at the first call of a shape and that cannot be recorded "
            "in a CUDA graph; call the layer once before, on a batch of this size"
        )
    return do_bench(call, warmup=_WARM_UP_MS, rep=_TIMED_MS, quantiles=quantiles)


def forward_choices(arguments: Mapping[str, Any] | None) -> list[Any]:
    """The launches to try: of all shapes, or of the one that `arguments` speak of."""
    return [
        triton.Config({"PROGRAMS_PER_UNIT": programs}, num_warps=warps, num_stages=stages)
        for warps, stages, programs in _of_shape(_FORWARD, _FORWARD_FLOAT32, arguments)
    ]


def backward_choices(arguments: Mapping[str, Any] | None) -> list[Any]:
    """As `forward_choices`, for the backward kernel."""
    return [
        triton.Config({}, num_warps=warps, num_stages=stages)
        for warps, stages in _of_shape(_BACKWARD, _BACKWARD_FLOAT32, arguments)
    ]


def _of_shape(
    by_tile: Mapping[int, _Choices], float32: _Choices, arguments: Mapping[str, Any] | None
) -> _Choices:
    if arguments is None:
        every = [choice for choices in by_tile.values() for choice in choices]
        return tuple(dict.fromkeys([*every, *float32]))
    if arguments["x"].dtype == torch.float32:
        return float32
    tile = _largest_with_intermediate(arguments)
    return next(choices for limit, choices in by_tile.items() if tile <= limit)
