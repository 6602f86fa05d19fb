"""Times a layer with 2^20 inputs and outputs against its floor: `python -m benchmarks.huge`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import torch

from benchmarks import options, report
from benchmarks.cases import BOTH, FORWARD, HUGE, HUGE_WITHIN
from benchmarks.floor import Machine, layer_work
from benchmarks.memory import PeakMemory
from benchmarks.peers import OURS, WrongResultError, check, ours
from benchmarks.problem import make_problem, true_result
from benchmarks.timing import interleave

_HEADER = ("case", "mode", OURS, "spread", "floor", "x floor", "extra memory", "wanted", "")
_MODES = (FORWARD, BOTH)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit code."""
    parser = options.parser("huge", "Time a layer with 2^20 inputs and outputs.", rounds=7)
    given = parser.parse_args(arguments)
    device, dtype, rounds = options.resolve(parser, given)
    problem = make_problem(HUGE, device=device, dtype=dtype)
    contestant = ours(problem)
    calls = {mode: contestant.call(mode, problem.grad_output) for mode in _MODES}
    peak = PeakMemory(device)  # before the check, which takes more
    memory: dict[str, int | None] = {}
    for mode in _MODES:
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
    for mode in _MODES:
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
                **report.floor_fields(floor, median),
                "extra_peak_bytes": extra,
                "wanted_multiple_of_floor": HUGE_WITHIN,
                "verdict": reached,
            }
        )
        lines.append(
            [
                HUGE.label,
                mode,
                report.seconds(median),
                f"{timings.spread(mode):.0%}",
                report.seconds(floor.seconds),
                report.times(multiple),
                "unknown" if extra is None else f"{extra / 2**20:.0f} MiB",
                f"at most {report.times(HUGE_WITHIN)}",
                reached,
            ]
        )
    where = report.setting(device, dtype, rounds)
    report.print_heading("Huge layer", where)
    report.print_table(_HEADER, lines)
    dense = HUGE.shape.dense_weight_parameters * problem.x.element_size()
    moved = sum(leaf.numel() for leaf in problem.leaves) * problem.x.element_size()
    print(
        f"\nInput, factors and bias take {moved / 2**20:.0f} MiB; "
        f"the dense weight would take {dense / 2**40:.0f} TiB."
    )
    report.save(given.json, "huge", where, rows)
    return 0


if __name__ == "__main__":
    torch.manual_seed(0)
    raise SystemExit(main())
