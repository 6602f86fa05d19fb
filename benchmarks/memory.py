"""Measures what forward and backward take on top: `python -m benchmarks.memory`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict

from benchmarks import options, report
from benchmarks.cases import MEMORY_WITHIN
from qimlp.bench.case import BOTH, TABLE
from qimlp.bench.environment import setting
from qimlp.bench.extra_memory import measure_extra_memory
from qimlp.bench.formatting import size, times
from qimlp.bench.implementations import OURS, WrongResultError, check, ours
from qimlp.bench.problem import make_problem, true_result

_CASES = tuple(case for case in TABLE if BOTH in case.modes)
_HEADER = ("case", "rows measured", "extra peak", "output + input gradient", "ratio", "wanted", "")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit code."""
    parser = options.parser("memory", "Measure what forward and backward take.", rounds=2)
    device, dtype, rounds = options.resolve(parser, given := parser.parse_args(arguments))
    try:
        for case in _CASES:
            problem = make_problem(case, device=device, dtype=dtype)
            check(OURS, ours(problem), problem, BOTH, true_result(problem, BOTH))
    except WrongResultError as wrong:
        print(f"nothing reported: {wrong}", file=sys.stderr)
        return 1
    measured = measure_extra_memory(_CASES, device=device, dtype=dtype)
    lines, rows = [], []
    for case, extra in zip(_CASES, measured, strict=True):
        if extra is None:
            reached = "not measured: the system does not tell"
            figures = ["-"] * 4
        else:
            reached = report.verdict(extra.multiple <= MEMORY_WITHIN)
            sizes = (size(extra.peak_bytes), size(extra.result_bytes))
            figures = [f"{extra.rows:,}", *sizes, times(extra.multiple)]
        lines.append([case.label, *figures, f"at most {times(MEMORY_WITHIN)}", reached])
        fields = {} if extra is None else {**asdict(extra), "multiple": extra.multiple}
        rows.append({"case": case.label, **fields, "verdict": reached})
    where = {**setting(device, dtype, rounds), "clock": "none", "rounds": 1}
    print("Extra peak memory of forward and backward: " + report.described(where))
    print("All that the process occupies counts; small batches are measured with more rows.\n")
    report.print_table(_HEADER, lines)
    report.save(given.json, "memory", where, rows)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
