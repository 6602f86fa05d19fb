"""Times one optimiser step of the paper's networks: `python -m benchmarks.training_step`.

Three networks take it: the two-body QiMLP, the paper's classic MLP, and the same QiMLP with every
dense weight rebuilt by `torch.kron` in each step (the authors' way). Each takes it in an ordinary
loop and, on the CPU, as `qimlp train` does, which does the same with less around it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import torch

from benchmarks import options, report
from benchmarks.cases import STEPS_WANTED, Goal
from qimlp.bench.environment import setting
from qimlp.bench.floor import Machine
from qimlp.bench.formatting import seconds, times
from qimlp.bench.implementations import OURS, WrongResultError
from qimlp.bench.training_step import MLP, REBUILD, STEPS, PaperStep, measure_step

_OTHERS = (MLP, REBUILD)
_HEADER = ("network", "step", OURS, "spread", *_OTHERS, "x floor", "wanted", "")


_LOOP, _TRAINER = "ordinary loop", "qimlp train"


def measure(
    step: PaperStep, way: str, machine: Machine, rounds: int
) -> tuple[list[str], dict[str, Any]]:
    """Check the networks of `step`, then time them; return the table's row and the JSON file's.

    Raises:
        WrongResultError: If a network is not the one that the row speaks of.
    """
    measured = measure_step(step, machine, rounds, _OTHERS, by_trainer=way == _TRAINER)
    of_goals = machine.dtype is torch.float32  # what they were set for
    goal = Goal({MLP: STEPS_WANTED[step.data_set]} if of_goals else {})
    verdict = goal.verdict(measured.speedups, measured.multiple_of_floor)
    cells = [
        step.label,
        way,
        seconds(measured.seconds),
        f"{measured.timings.spread(OURS):.0%}",
        *(times(measured.speedups[name]) for name in _OTHERS),
        times(measured.multiple_of_floor),
        str(goal),
        verdict,
    ]
    wanted = {"speedup_over": dict(goal.speedups)}
    return cells, {**measured.fields(), "step": way, "wanted": wanted, "verdict": verdict}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit code."""
    parser = options.parser("training_step", "Time one optimiser step.", rounds=11)
    parser.add_argument(
        "--networks", nargs="+", choices=[step.data_set for step in STEPS], help="default: all"
    )
    given = parser.parse_args(arguments)
    device, dtype, rounds = options.resolve(parser, given)
    machine = Machine(device, dtype)
    steps = [step for step in STEPS if not given.networks or step.data_set in given.networks]
    ways = (_LOOP, _TRAINER) if device.type == "cpu" else (_LOOP,)
    try:
        rows = [measure(step, way, machine, rounds) for step in steps for way in ways]
    except WrongResultError as wrong:
        print(f"nothing reported: {wrong}", file=sys.stderr)
        return 1
    where = setting(device, dtype, rounds)
    report.print_heading("Training step", where)
    report.print_table(_HEADER, [cells for cells, _ in rows])
    report.save(given.json, "training_step", where, [fields for _, fields in rows])
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
