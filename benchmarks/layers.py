"""Times single layers against their peers and their floor: `python -m benchmarks.layers`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from benchmarks import options, report
from benchmarks.cases import BOTH, LAYERS, Case
from benchmarks.floor import Floor, Machine, layer_work
from benchmarks.peers import OURS, PEERS, WrongResultError, prepare
from benchmarks.problem import make_problem, true_result
from benchmarks.timing import Timings, interleave
from qimlp.functional import explain

_HEADER = ("case", "mode", "way", OURS, "spread", *PEERS, "x floor", "wanted", "")


@dataclass(frozen=True)
class Row:
    """One case in one mode, measured."""

    case: Case
    mode: str
    way: str
    timings: Timings
    floor: Floor
    left_out: dict[str, str]

    @property
    def speedups(self) -> dict[str, float]:
        """The speed-up over each peer that was timed."""
        names = (name for name in self.timings.samples if name != OURS)
        return {name: self.timings.speedup(OURS, over=name) for name in names}

    @property
    def multiple_of_floor(self) -> float:
        """The time of qimlp divided by the floor."""
        return self.timings.median(OURS) / self.floor.seconds

    @property
    def verdict(self) -> str:
        """Whether the wanted speed-up was reached."""
        wanted = self.case.wanted[self.mode]
        if wanted.peer not in self.speedups:
            return "not measured"
        return report.verdict(self.speedups[wanted.peer] >= wanted.speedup)

    def cells(self) -> list[str]:
        """The row as the table shows it."""
        wanted = self.case.wanted[self.mode]
        speedups = self.speedups
        return [
            self.case.label,
            self.mode,
            self.way,
            report.seconds(self.timings.median(OURS)),
            f"{self.timings.spread(OURS):.0%}",
            *(report.times(speedups[name]) if name in speedups else "-" for name in PEERS),
            report.times(self.multiple_of_floor),
            f"{report.times(wanted.speedup)} {wanted.peer}",
            self.verdict,
        ]

    def fields(self) -> dict[str, Any]:
        """The row as the JSON file holds it."""
        wanted = self.case.wanted[self.mode]
        names = tuple(self.timings.samples)
        return {
            "case": self.case.label,
            "mode": self.mode,
            "way": self.way,
            "median_s": {name: self.timings.median(name) for name in names},
            "spread": {name: self.timings.spread(name) for name in names},
            "speedup_over": self.speedups,
            "left_out": self.left_out,
            **report.floor_fields(self.floor, self.timings.median(OURS)),
            "wanted": {"over": wanted.peer, "speedup": wanted.speedup},
            "verdict": self.verdict,
        }


def measure(case: Case, mode: str, machine: Machine, rounds: int) -> Row:
    """Check every contestant of `case`, then time those that are right.

    Raises:
        WrongResultError: If qimlp's own result is wrong.
    """
    problem = make_problem(case, device=machine.device, dtype=machine.dtype)
    contestants, left_out = prepare(problem, mode, true_result(problem, mode))
    calls = {
        name: contestant.call(mode, problem.grad_output) for name, contestant in contestants.items()
    }
    timings = interleave(calls, rounds=rounds, device=machine.device)
    floor = machine.floor(layer_work(case, mode, problem.x.element_size()))
    taken = explain(
        case.shape,
        case.batch,
        dtype=machine.dtype,
        device=machine.device,
        needs_grad=mode == BOTH,
    ).chosen
    return Row(case, mode, taken.way, timings, floor, left_out)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit code."""
    parser = options.parser("layers", "Time single layers against their peers.", rounds=21)
    parser.add_argument(
        "--cases", nargs="+", metavar="TEXT", help='only cases whose name has it, such as "28x28->"'
    )
    given = parser.parse_args(arguments)
    device, dtype, rounds = options.resolve(parser, given)
    cases = [c for c in LAYERS if not given.cases or any(t in c.label for t in given.cases)]
    if not cases:
        names = "; ".join(case.label for case in LAYERS)
        parser.error(f"--cases: no case is named like {' or '.join(given.cases)}; cases: {names}")

    machine = Machine(device, dtype)
    rows: list[Row] = []
    for case in cases:
        for mode in case.wanted:
            if sys.stderr.isatty():
                print(f"\r\x1b[K{case.label}, {mode} ...", end="", file=sys.stderr, flush=True)
            try:
                rows.append(measure(case, mode, machine, rounds))
            except WrongResultError as wrong:
                print(f"nothing reported: {wrong}", file=sys.stderr)
                return 1
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr)

    where = report.setting(device, dtype, rounds)
    report.print_heading("Layers", where)
    report.print_table(_HEADER, [row.cells() for row in rows])
    _print_left_out(rows)
    report.save(given.json, "layers", where, [row.fields() for row in rows])
    return 0


def _print_left_out(rows: Sequence[Row]) -> None:
    reasons: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        for name, reason in row.left_out.items():
            labels = reasons.setdefault((name, reason), [])
            if row.case.label not in labels:
                labels.append(row.case.label)
    if reasons:
        print("\nLeft out:")
    for (name, reason), labels in reasons.items():
        where = (
            "everywhere" if len(labels) == len({r.case.label for r in rows}) else "; ".join(labels)
        )
        print(f"- {name}: {reason} ({where})")


if __name__ == "__main__":
    torch.manual_seed(0)
    raise SystemExit(main())
