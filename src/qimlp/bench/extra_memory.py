"""By how much forward and backward raise the memory in use, beside what exists before the call.

On the CPU a process of its own runs the call, and the system tells the peak of what it occupies: so
everything counts, whichever library asked for it. Its allocator hands every large block back at
once, and returns nothing from an earlier call. On CUDA the allocator's peak is taken.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch

from qimlp.bench.case import BOTH, Case
from qimlp.bench.environment import dtype_name
from qimlp.bench.implementations import LINEAR, OURS, linear, ours
from qimlp.bench.memory import PeakMemory, forget_peak
from qimlp.bench.problem import LayerProblem, make_problem
from qimlp.shapes import KroneckerShape

_LEAST_BYTES = 2**25  # the system counts in pages, and not all of them at once
_MAPPED_FROM = 2**16  # bytes from which a block goes back to the system when it is freed
_BUILD = {OURS: ours, LINEAR: linear}


@dataclass(frozen=True)
class ExtraMemory:
    """The peak of one forward and backward pass.

    Attributes:
        rows: Of the input: on the CPU more than asked for where that is too little to measure.
        peak_bytes: What the pass takes beside inputs and parameters; output and gradients count.
        result_bytes: Output and input gradient alone.
    """

    rows: int
    peak_bytes: int
    result_bytes: int

    @property
    def multiple(self) -> float:
        """The peak over output and input gradient."""
        return self.peak_bytes / self.result_bytes


def measure_extra_memory(
    cases: Sequence[Case],
    *,
    device: torch.device,
    dtype: torch.dtype,
    threads: int = 1,
    contestant: str = OURS,
) -> list[ExtraMemory | None]:
    """Measure the extra memory of one forward and backward pass of each case.

    Args:
        cases: The layers.
        device: A CPU or CUDA device.
        dtype: Of input and parameters.
        threads: CPU threads.
        contestant: `OURS` or `LINEAR`.

    Returns:
        One result for each case; `None` where the system does not tell.

    Raises:
        RuntimeError: If the other process fails.
    """
    element = torch.empty((), dtype=dtype).element_size()
    if device.type == "cuda":
        peaks = [_peak(case, device, dtype, contestant) for case in cases]
    else:
        cases = [_large_enough(case, element) for case in cases]
        # One process measures all cases where the system can forget the peak of the one before.
        parts = [cases] if forget_peak() else [[case] for case in cases]
        peaks = [peak for part in parts for peak in _in_child(part, dtype, threads, contestant)]
    return [
        None if peak is None else ExtraMemory(case.batch, peak, case.batch * _row(case) * element)
        for case, peak in zip(cases, peaks, strict=True)
    ]


def _row(case: Case) -> int:
    """Numbers in one row of output and input gradient."""
    return case.shape.in_features + case.shape.out_features


def _large_enough(case: Case, element_size: int) -> Case:
    return replace(case, batch=max(case.batch, -(-_LEAST_BYTES // (_row(case) * element_size))))


def _in_child(
    cases: Sequence[Case], dtype: torch.dtype, threads: int, contestant: str
) -> list[int | None]:
    order = {
        "cases": [{**asdict(case.shape), "batch": case.batch} for case in cases],
        "dtype": dtype_name(dtype),
        "threads": threads,
        "contestant": contestant,
    }
    ran = subprocess.run(
        [sys.executable, "-m", "qimlp.bench.extra_memory"],
        input=json.dumps(order),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "MALLOC_MMAP_THRESHOLD_": str(_MAPPED_FROM)},
    )
    if ran.returncode != 0:
        last = (ran.stderr.strip().splitlines() or ["no message"])[-1]
        raise RuntimeError(f"measuring memory failed with exit code {ran.returncode}: {last}")
    peaks: list[int | None] = json.loads(ran.stdout)
    return peaks


def _peak(case: Case, device: torch.device, dtype: torch.dtype, contestant: str) -> int | None:
    """Peak of one pass at the batch of `case`, after one of a single row."""
    for batch in (1, case.batch):
        problem = make_problem(replace(case, batch=batch), device=device, dtype=dtype)
        extra = _extra_of_pass(problem, contestant)
    return extra


def _extra_of_pass(problem: LayerProblem, contestant: str) -> int | None:
    run = _BUILD[contestant](problem).call(BOTH, problem.grad_output)
    peak = PeakMemory(problem.x.device)
    gradients = run()
    extra = peak.extra_bytes()
    del gradients
    return extra


def _main() -> None:
    order: dict[str, Any] = json.load(sys.stdin)
    torch.set_num_threads(order["threads"])
    dtype = getattr(torch, order["dtype"])
    peaks = []
    for given in order["cases"]:
        shape = KroneckerShape(tuple(given["in_dims"]), tuple(given["out_dims"]), given["rank"])
        case = Case(shape, given["batch"])
        peaks.append(_peak(case, torch.device("cpu"), dtype, order["contestant"]))
    sys.stdout.write(json.dumps(peaks))


if __name__ == "__main__":
    _main()
