"""How fast a smaller layer is beside the dense one: as the planner has it, and measured."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import lru_cache, partial
from math import isqrt

import torch
from torch import Tensor, nn

from qimlp.functional import explain
from qimlp.shapes import KroneckerShape

ROWS = 256
"""Rows of input that speeds are given for where the calibration data says nothing else."""

_ROUNDS = 5
_SHORTEST_SAMPLE_S = 0.005
_SEED = 0


@lru_cache(maxsize=65536)
def predicted_speed(
    in_dims: tuple[int, ...],
    out_dims: tuple[int, ...],
    rank: int,
    rows: int = ROWS,
    *,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
) -> float:
    """Predict how many times as fast a layout is as the dense layer, without gradients.

    A general convolution is seen as the matrix product that it is on unfolded positions.

    Args:
        in_dims: Sizes of the input's bodies; `(1, in_features)` of low rank.
        out_dims: Sizes of the output's bodies; `(out_features, 1)` of low rank.
        rank: Number of summed Kronecker products.
        rows: Rows of input.
        dtype: Of input and weight.
        device: Type of the device, such as `"cpu"`.

    Returns:
        Predicted time of `nn.Linear` over that of the layout; above 1 is faster.
    """
    shape = KroneckerShape(in_dims, out_dims, rank)
    explained = explain(shape, rows, dtype=dtype, device=device, needs_grad=False)
    return explained.linear_seconds / explained.chosen.seconds


@torch.inference_mode()
def measured_speed(dense: nn.Module, new: nn.Module, rows: int = ROWS) -> float | None:
    """Measure how many times as fast a layer is as another one, without gradients.

    The two are timed in turn on the same random inputs, by the process's CPU time where torch
    computes on one thread. Hooks are left out.

    Args:
        dense: The layer that was there: `nn.Linear`, transformers' `Conv1D` or `nn.Conv2d`.
        new: One of the same inputs and outputs, on the same device.
        rows: Rows of input; for a convolution about as many positions of one image.

    Returns:
        The median over the rounds of the dense layer's time over the other's; above 1 is faster.
        None on a device that has no clock here.
    """
    weight = dense.get_parameter("weight")
    inputs = _inputs(dense, rows).to(device=weight.device, dtype=weight.dtype)
    return speed_ratio(
        partial(dense.forward, inputs), partial(new.forward, inputs), device=weight.device
    )


def speed_ratio(
    before: Callable[[], object], after: Callable[[], object], *, device: torch.device
) -> float | None:
    """Measure how many times as fast one call is as another one; the two are timed in turn.

    Args:
        before: Takes the longer, one hopes.
        after: Does the same.
        device: Where both do their work.

    Returns:
        The median over the rounds of the first one's time over the other's; None on a device that
        has no clock here.
    """
    if device.type not in ("cpu", "cuda"):
        return None
    calls = (before, after)
    sample = partial(_seconds, device)
    repeats = [_repeats(call, sample) for call in calls]
    ratios = []
    for turn in range(_ROUNDS):
        order = (0, 1) if turn % 2 == 0 else (1, 0)
        taken = {index: sample(calls[index], repeats[index]) for index in order}
        ratios.append(taken[0] / taken[1])
    return statistics.median(ratios)


def _inputs(dense: nn.Module, rows: int) -> Tensor:
    """Random inputs of the layer's width; an image whose output has about that many positions."""
    generator = torch.Generator().manual_seed(_SEED)
    if not isinstance(dense, nn.Conv2d):
        weight = dense.get_parameter("weight")  # Conv1D has it as (in, out)
        width = weight.shape[1] if isinstance(dense, nn.Linear) else weight.shape[0]
        return torch.randn(rows, width, generator=generator)
    side = max(isqrt(rows), 1)
    sizes = []
    for axis in (0, 1):
        reach = dense.dilation[axis] * (dense.kernel_size[axis] - 1) + 1
        padding = reach - 1 if dense.padding == "same" else 0
        if not isinstance(dense.padding, str):
            padding = 2 * int(dense.padding[axis])
        sizes.append(max((side - 1) * dense.stride[axis] + reach - padding, reach - padding, 1))
    return torch.randn(1, dense.in_channels, *sizes, generator=generator)


def _repeats(call: Callable[[], object], sample: Callable[..., float]) -> int:
    """Warm a call up, and say how many in a row last long enough for the clock."""
    call()
    repeats = 1
    while (lasts := repeats * sample(call, repeats)) < _SHORTEST_SAMPLE_S:
        repeats = max(repeats + 1, int(repeats * min(1.2 * _SHORTEST_SAMPLE_S / lasts, 10.0)))
    return repeats


def _seconds(device: torch.device, call: Callable[[], object], repeats: int) -> float:
    """Mean seconds of one of several calls in a row."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    start = _clock()
    for _ in range(repeats):
        call()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return max(_clock() - start, 1e-9) / repeats


def _clock() -> float:
    return time.process_time() if torch.get_num_threads() == 1 else time.perf_counter()
