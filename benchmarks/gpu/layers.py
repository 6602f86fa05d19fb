"""Times the layer and the training step on a GPU: `python -m benchmarks.gpu`.

First the kernels' tests run on that GPU; where one fails nothing is timed. Without a CUDA device,
or where the fused kernels cannot run, it says so and that nothing was measured.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from benchmarks import options, report
from benchmarks.cases import FASTKRON, Goal
from benchmarks.gpu import training
from benchmarks.peers import LYCORIS, PEERS, prepare
from qimlp.bench.case import BOTH, FORWARD, Case, square
from qimlp.bench.environment import setting
from qimlp.bench.floor import Machine, layer_work
from qimlp.bench.formatting import seconds, times
from qimlp.bench.implementations import LINEAR, OURS, WrongResultError
from qimlp.bench.problem import make_problem, true_result
from qimlp.bench.timing import Timings, interleave
from qimlp.functional.explanation import explain
from qimlp.ops.triton import linear as triton_linear

COPY_SHARE = 0.75
"""Wanted of the forward pass: this share of the speed of a plain copy of input to output."""

_BATCH = 65536
_FASTER = {FORWARD: Goal({LINEAR: 5.0}), BOTH: Goal({LINEAR: 4.0})}
_AHEAD = (FASTKRON, LYCORIS)
CASES = tuple(square(64, 64, rank=rank, batch=_BATCH) for rank in (1, 2, 3))
FLOAT32_CASES = tuple(square(size, size, batch=_BATCH) for size in (28, 64))
"""In float32 besides: FastKron has no narrower type."""

_TESTS = ("tests/training/steps/test_captured_step.py",)  # and those of the kernels
_WORKERS = 4
_HEADER = ("case", "dtype", "mode", "method", OURS, "spread", "of a copy", *PEERS, "wanted", "")


@dataclass(frozen=True)
class GpuRow:
    """One case in one mode, timed; `copy_share` is a plain copy's time over qimlp's."""

    case: Case
    dtype: torch.dtype
    mode: str
    method: str
    timings: Timings
    copy_share: float
    left_out: dict[str, str]

    @property
    def speedups(self) -> dict[str, float]:
        """Time of every peer that ran, divided by qimlp's."""
        names = [name for name in PEERS if name in self.timings.samples]
        return {name: self.timings.speedup(OURS, over=name) for name in names}

    @property
    def goal(self) -> Goal | None:
        """What is wanted over `nn.Linear`: of rank 1 in a narrow type alone."""
        narrow = self.dtype.itemsize < 4
        return _FASTER[self.mode] if narrow and self.case.shape.rank == 1 else None

    @property
    def verdict(self) -> str:
        """Whether all that is wanted was reached; empty where nothing is."""
        ahead = [self.speedups[peer] >= 1.0 for peer in _AHEAD if peer in self.speedups]
        if self.goal is None:
            return report.verdict(all(ahead)) if ahead else ""
        if LINEAR not in self.speedups:
            return "not measured"
        met = self.speedups[LINEAR] >= self.goal.speedups[LINEAR] and all(ahead)
        return report.verdict(met and (self.mode == BOTH or self.copy_share >= COPY_SHARE))

    def cells(self) -> list[str]:
        """The row as the table shows it."""
        speedups, goal = self.speedups, self.goal
        wanted = [str(goal)] if goal else []
        if goal and self.mode == FORWARD:
            wanted.append(f"{COPY_SHARE:.0%} of a copy")
        wanted += [f"1x {peer}" for peer in _AHEAD if peer in speedups]
        text = ", ".join(wanted) or "-"
        return [
            self.case.label,
            str(self.dtype).removeprefix("torch."),
            self.mode,
            self.method,
            seconds(self.timings.median(OURS)),
            f"{self.timings.spread(OURS):.0%}",
            f"{self.copy_share:.0%}",
            *(times(speedups[name]) if name in speedups else "-" for name in PEERS),
            text,
            self.verdict,
        ]

    def fields(self) -> dict[str, Any]:
        """The row as the JSON file holds it."""
        return {
            "case": self.case.label,
            "dtype": str(self.dtype).removeprefix("torch."),
            "mode": self.mode,
            "method": self.method,
            "way": self.method,  # its older name
            "median_s": {name: self.timings.median(name) for name in self.timings.samples},
            "copy_share": self.copy_share,
            "speedup_over": self.speedups,
            "left_out": self.left_out,
            "verdict": self.verdict,
        }


def measure(case: Case, mode: str, machine: Machine, rounds: int) -> GpuRow:
    """Check every contestant of `case`, then time those that are right.

    Raises:
        WrongResultError: If qimlp's own result is wrong.
    """
    problem = make_problem(case, device=machine.device, dtype=machine.dtype)
    contestants, left_out = prepare(problem, mode, true_result(problem, mode))
    calls = {name: c.call(mode, problem.grad_output) for name, c in contestants.items()}
    timings = interleave(calls, rounds=rounds, device=machine.device)
    moved = layer_work(case, mode, problem.x.element_size()).bytes
    share = moved / machine.bandwidth(moved) / timings.median(OURS)
    taken = explain(
        case.shape, case.batch, dtype=machine.dtype, device=machine.device, needs_grad=mode == BOTH
    ).chosen
    row = GpuRow(case, machine.dtype, mode, taken.method, timings, share, left_out)
    print(f"{case.label}, {mode}: done", file=sys.stderr, flush=True)
    return row


def tests_pass() -> bool:
    """Run the kernels' tests on this machine's GPU; their output goes to standard error.

    Most of their time is compiling, which several processes share.
    """
    environment = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
    kernels = sorted(map(str, Path("tests/ops").glob("triton/test_*.py")))
    shared = ["-n", str(_WORKERS)] if find_spec("xdist") is not None else []
    command = [sys.executable, "-m", "pytest", "-q", *shared, *kernels, *_TESTS]
    return subprocess.run(command, env=environment, stdout=sys.stderr, check=False).returncode == 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit code."""
    parser = options.parser("gpu", "Time layer and training step on a GPU.", rounds=11)
    parser.add_argument("--epochs", type=int, default=20, help="of the training (default: 20)")
    parser.set_defaults(device="cuda", dtype="bfloat16")
    given = parser.parse_args(arguments)
    if not torch.cuda.is_available():
        print("no CUDA device: not measured")
        return 0
    if not triton_linear.available():
        print(f"the fused kernels cannot run ({triton_linear.reason()}): not measured")
        return 0
    device, dtype, rounds = options.resolve(parser, given)
    if not tests_pass():
        print("nothing reported: the kernels' tests fail on this machine", file=sys.stderr)
        return 1
    rows: list[GpuRow] = []
    try:
        for kind, cases in ((dtype, CASES), (torch.float32, FLOAT32_CASES)):
            machine = Machine(device, kind)
            rows += [
                measure(case, mode, machine, rounds) for case in cases for mode in (FORWARD, BOTH)
            ]
    except WrongResultError as wrong:
        print(f"nothing reported: {wrong}", file=sys.stderr)
        return 1
    where = setting(device, dtype, rounds)
    report.print_heading("Layers on the GPU", where)
    report.print_table(_HEADER, [row.cells() for row in rows])
    report.print_left_out([(f"{row.case.label} {row.dtype}", row.left_out) for row in rows])
    sys.stdout.flush()
    fields = [row.fields() for row in rows]
    report.save(given.json, "gpu", where, fields)  # the training below takes minutes
    trained = training.measure(device, given.epochs)
    print()
    training.print_rows(trained, given.epochs)
    report.save(given.json, "gpu", where, [*fields, *(row.fields() for row in trained)])
    return 0
