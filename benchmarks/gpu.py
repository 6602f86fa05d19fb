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
from typing import Any

import torch

from benchmarks import gpu_training, options, report
from benchmarks.cases import FASTKRON, Goal
from benchmarks.peers import LYCORIS, PEERS, prepare
from qimlp.bench.case import BOTH, FORWARD, Case, square
from qimlp.bench.contestants import LINEAR, OURS, WrongResultError
from qimlp.bench.floor import Machine, layer_work
from qimlp.bench.problem import make_problem, true_result
from qimlp.bench.setting import setting
from qimlp.bench.timing import Timings, interleave
from qimlp.bench.words import seconds, times
from qimlp.functional.explain import explain
from qimlp.ops import triton_linear

COPY_SHARE = 0.75
"""Wanted of the forward pass: this share of the speed of a plain copy of input to output."""

_BATCH = 65536
_FASTER = {FORWARD: Goal({LINEAR: 5.0}), BOTH: Goal({LINEAR: 4.0})}
_AHEAD = (FASTKRON, LYCORIS)
CASES = tuple(square(64, 64, rank=rank, batch=_BATCH) for rank in (1, 2, 3))
_TESTS = ("tests/ops", "tests/training/test_captured_step.py")
_HEADER = ("case", "mode", "way", OURS, "spread", "of a copy", *PEERS, "wanted", "")


@dataclass(frozen=True)
class Row:
    """One case in one mode, timed; `copy_share` is a plain copy's time over qimlp's."""

    case: Case
    mode: str
    way: str
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
        """What is wanted, of rank 1 alone."""
        return _FASTER[self.mode] if self.case.shape.rank == 1 else None

    @property
    def verdict(self) -> str:
        """Whether all that is wanted was reached; empty where nothing is."""
        if self.goal is None:
            return ""
        if LINEAR not in self.speedups:
            return "not measured"
        met = self.speedups[LINEAR] >= self.goal.speedups[LINEAR]
        met = met and all(self.speedups.get(peer, 1.0) >= 1.0 for peer in _AHEAD)
        return report.verdict(met and (self.mode == BOTH or self.copy_share >= COPY_SHARE))

    def cells(self) -> list[str]:
        """The row as the table shows it."""
        speedups, goal = self.speedups, self.goal
        text = str(goal) if goal else "-"
        if goal and self.mode == FORWARD:
            text += f", {COPY_SHARE:.0%} of a copy"
        return [
            self.case.label,
            self.mode,
            self.way,
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
            "mode": self.mode,
            "way": self.way,
            "median_s": {name: self.timings.median(name) for name in self.timings.samples},
            "copy_share": self.copy_share,
            "speedup_over": self.speedups,
            "left_out": self.left_out,
            "verdict": self.verdict,
        }


def measure(case: Case, mode: str, machine: Machine, rounds: int) -> Row:
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
    return Row(case, mode, taken.way, timings, share, left_out)


def tests_pass() -> bool:
    """Run the kernels' tests on this machine's GPU; their output goes to standard error."""
    environment = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
    command = [sys.executable, "-m", "pytest", "-q", *_TESTS]
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
    machine = Machine(device, dtype)
    try:
        rows = [measure(case, mode, machine, rounds) for case in CASES for mode in (FORWARD, BOTH)]
    except WrongResultError as wrong:
        print(f"nothing reported: {wrong}", file=sys.stderr)
        return 1
    where = setting(device, dtype, rounds)
    report.print_heading("Layers on the GPU", where)
    report.print_table(_HEADER, [row.cells() for row in rows])
    trained = gpu_training.measure(device, given.epochs)
    print()
    gpu_training.print_rows(trained, given.epochs)
    fields = [*(row.fields() for row in rows), *(row.fields() for row in trained)]
    report.save(given.json, "gpu", where, fields)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
