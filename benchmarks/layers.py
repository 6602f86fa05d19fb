"""Times single layers against their peers and their floor: `python -m benchmarks.layers`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from benchmarks import options, report
from benchmarks.cases import LAYERS, Goal, Target
from benchmarks.peers import PEERS, prepare
from qimlp.bench.environment import setting
from qimlp.bench.floor import Machine
from qimlp.bench.formatting import seconds, times
from qimlp.bench.implementations import OURS, WrongResultError
from qimlp.bench.layer import MeasuredLayer, measure_layer

_HEADER = ("case", "mode", "method", OURS, "spread", *PEERS, "x floor", "wanted", "")


@dataclass(frozen=True)
class LayerRow:
    """One case in one mode, measured, and what is wanted of it."""

    measured: MeasuredLayer
    goal: Goal

    @property
    def verdict(self) -> str:
        """Whether all that is wanted was reached."""
        return self.goal.verdict(self.measured.speedups, self.measured.multiple_of_floor)

    def cells(self) -> list[str]:
        """The row as the table shows it."""
        measured, speedups = self.measured, self.measured.speedups
        return [
            measured.case.label,
            measured.mode,
            measured.method,
            seconds(measured.seconds),
            f"{measured.timings.spread(OURS):.0%}",
            *(times(speedups[name]) if name in speedups else "-" for name in PEERS),
            times(measured.multiple_of_floor),
            str(self.goal),
            self.verdict,
        ]

    def fields(self) -> dict[str, Any]:
        """The row as the JSON file holds it."""
        wanted = {"speedup_over": dict(self.goal.speedups), "multiple_of_floor": self.goal.floor}
        return {**self.measured.fields(), "wanted": wanted, "verdict": self.verdict}


def measure(target: Target, machine: Machine, rounds: int) -> list[LayerRow]:
    """Check every contestant of a case, then time those that are right.

    Raises:
        WrongResultError: If qimlp's own result is wrong.
    """
    rows = []
    for measured in measure_layer(target.case, machine, rounds, prepare):
        of_goals = machine.dtype is torch.float32  # what they were set for
        rows.append(LayerRow(measured, target.goals[measured.mode] if of_goals else Goal({})))
        if sys.stderr.isatty():
            text = f"\r\x1b[K{target.case.label}, {measured.mode}: done"
            print(text, end="", file=sys.stderr, flush=True)
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit code."""
    parser = options.parser("layers", "Time single layers against their peers.", rounds=21)
    parser.add_argument(
        "--cases", nargs="+", metavar="TEXT", help='only cases whose name has it, such as "28x28->"'
    )
    given = parser.parse_args(arguments)
    device, dtype, rounds = options.resolve(parser, given)
    targets = [t for t in LAYERS if _named(t, given.cases)]
    if not targets:
        names = "; ".join(target.case.label for target in LAYERS)
        parser.error(f"--cases: no case is named like {' or '.join(given.cases)}; cases: {names}")

    machine = Machine(device, dtype)
    rows: list[LayerRow] = []
    try:
        for target in targets:
            rows += measure(target, machine, rounds)
    except WrongResultError as wrong:
        print(f"nothing reported: {wrong}", file=sys.stderr)
        return 1
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr)

    where = setting(device, dtype, rounds)
    report.print_heading("Layers", where)
    report.print_table(_HEADER, [row.cells() for row in rows])
    report.print_left_out([(row.measured.case.label, row.measured.left_out) for row in rows])
    report.save(given.json, "layers", where, [row.fields() for row in rows])
    return 0


def _named(target: Target, texts: Sequence[str] | None) -> bool:
    return not texts or any(text in target.case.label for text in texts)


if __name__ == "__main__":
    torch.manual_seed(0)
    raise SystemExit(main())
