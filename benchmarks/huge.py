"""Times a layer with 2^20 inputs and outputs against its floor: `python -m benchmarks.huge`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import torch

from benchmarks import options, report
from benchmarks.cases import HUGE, HUGE_WITHIN
from qimlp.bench.case import BOTH
from qimlp.bench.environment import setting
from qimlp.bench.floor import Machine, layer_work
from qimlp.bench.formatting import seconds, size, times
from qimlp.bench.implementations import OURS, WrongResultError, check, ours
from qimlp.bench.memory import PeakMemory
from qimlp.bench.problem import make_problem, true_result
from qimlp.bench.timing import interleave

_HEADER = ("case", "mode", OURS, "spread", "floor", "x floor", "extra memory", "wanted", "")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit code."""
    parser = options.parser("huge", "Time a layer with 2^20 inputs and outputs.", rounds=7)
    given = parser.parse_args(arguments)
    device, dtype, rounds = options.resolve(parser, given)
    problem = make_problem(HUGE, device=device, dtype=dtype)
    contestant = ours(problem)
    calls = {mode: contestant.call(mode, problem.grad_output) for mode in HUGE.modes}
    peak = PeakMemory(device)  # before the check, which takes more
    memory: dict[str, int | None] = {}
    for mode in HUGE.modes:
        calls[mode]()
        memory[mode] = peak.extra_bytes()
    try:
        check(OURS, contestant, problem, BOTH, true_result(problem, BOTH))
    except WrongResultError as wrong:
        print(f"nothing reported: {wrong}", file=sys.stderr)
        return 1

    timings = interleave(calls, rounds=rounds, device=device)
    machine = Machine(device, dtype)
    rows: list[dict[str, Any]] = []
    lines: list[list[str]] = []
    for mode in HUGE.modes:
        floor = machine.floor(layer_work(HUGE, mode, problem.x.element_size()))
        median = timings.median(mode)
        multiple = median / floor.seconds
        reached = report.verdict(multiple <= HUGE_WITHIN)
        extra = memory[mode]
        rows.append(
            {
                "case": HUGE.label,
                "mode": mode,
                "median_s": median,
                "spread": timings.spread(mode),
                **floor.fields(median),
                "extra_peak_bytes": extra,
                "wanted_multiple_of_floor": HUGE_WITHIN,
                "verdict": reached,
            }
        )
        lines.append(
            [
                HUGE.label,
                mode,
                seconds(median),
                f"{timings.spread(mode):.0%}",
                seconds(floor.seconds),
                times(multiple),
                "unknown" if extra is None else size(extra),
                f"at most {times(HUGE_WITHIN)}",
                reached,
            ]
        )
    where = setting(device, dtype, rounds)
    report.print_heading("Huge layer", where)
    report.print_table(_HEADER, lines)
    dense = HUGE.shape.dense_weight_parameters * problem.x.element_size()
    moved = sum(leaf.numel() for leaf in problem.leaves) * problem.x.element_size()
    print(
        f"\nInput, factors and bias take {size(moved)}; the dense weight would take {size(dense)}."
    )
    report.save(given.json, "huge", where, rows)
    return 0


if __name__ == "__main__":
    torch.manual_seed(0)
    raise SystemExit(main())
