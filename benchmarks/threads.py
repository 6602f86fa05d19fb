"""Times two threads against one: `python -m benchmarks.threads`.

Wall time, so that only a quiet machine tells the truth: its load before and after stands beside
the figures.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from functools import partial

import torch

from benchmarks import options, report
from benchmarks.cases import THREADED, TWO_THREADS
from qimlp.bench.environment import setting
from qimlp.bench.formatting import seconds, times
from qimlp.bench.implementations import OURS, WrongResultError, check, ours
from qimlp.bench.problem import make_problem, true_result
from qimlp.bench.timing import interleave, wall_seconds_per_call

_ONE, _TWO = "one thread", "two threads"
_HEADER = ("case", "mode", _ONE, _TWO, "spread", "speed-up", "wanted", "")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit code."""
    parser = options.parser("threads", "Time two threads against one.", rounds=21)
    given = parser.parse_args(arguments)
    device, dtype, rounds = options.resolve(parser, given)
    if device.type != "cpu":
        parser.error("--device: threads are those of the CPU; leave it out")
    where = {**setting(device, dtype, rounds), "threads": "1 and 2", "clock": "wall time"}
    where |= {"cores": os.cpu_count(), "load before": _load()}
    lines, rows = [], []
    try:
        for case in THREADED:
            problem = make_problem(case, device=device, dtype=dtype)
            contestant = ours(problem)
            truth = true_result(problem, case.modes[-1])
            for mode in case.modes:
                call = contestant.call(mode, problem.grad_output)
                for threads in (1, 2):
                    torch.set_num_threads(threads)
                    check(OURS, contestant, problem, mode, truth)
                calls = {_ONE: partial(_on, 1, call), _TWO: partial(_on, 2, call)}
                timings = interleave(
                    calls, rounds=rounds, device=device, measure=wall_seconds_per_call
                )
                speedup = timings.speedup(_TWO, over=_ONE)
                reached = report.verdict(speedup >= TWO_THREADS)
                medians = {name: timings.median(name) for name in calls}
                shown = (seconds(median) for median in medians.values())
                spread = f"{timings.spread(_TWO):.0%}"
                wanted = times(TWO_THREADS)
                lines.append([case.label, mode, *shown, spread, times(speedup), wanted, reached])
                rows.append({"case": case.label, "mode": mode, "median_s": medians})
                rows[-1] |= {"speedup": speedup, "verdict": reached}
    except WrongResultError as wrong:
        print(f"nothing reported: {wrong}", file=sys.stderr)
        return 1
    finally:
        torch.set_num_threads(1)
    where["load after"] = _load()
    print("Two threads against one: " + report.described(where) + "\n")
    report.print_table(_HEADER, lines)
    report.save(given.json, "threads", where, rows)
    return 0


def _on(threads: int, call: Callable[[], object]) -> None:
    torch.set_num_threads(threads)
    call()


def _load() -> str:
    """Average load of the last minute, as far as the system tells it."""
    return f"{os.getloadavg()[0]:.2f}" if hasattr(os, "getloadavg") else "unknown"


if __name__ == "__main__":
    raise SystemExit(main())
