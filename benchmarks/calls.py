"""The price of a call on one row: `python -m benchmarks.calls`.

On one row of a tiny layer nothing is computed to speak of: what is timed is the way in and out.
The operator is held against `F.linear`, the module against `nn.Linear`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from torch.nn import functional as F  # noqa: N812 - torch's own custom

from benchmarks import options, report
from qimlp.bench.case import BOTH, square
from qimlp.bench.environment import setting
from qimlp.bench.formatting import seconds, times
from qimlp.bench.implementations import (
    LINEAR,
    OURS,
    Contestant,
    WrongResultError,
    check,
    linear,
    ours,
)
from qimlp.bench.problem import LayerProblem, make_problem, rebuilt_weight, true_result
from qimlp.bench.timing import interleave
from qimlp.ops import native

MOST_OVER_LINEAR = 1.5
"""Wanted of the operator forward: at most this many times `F.linear`'s time."""

CASES = tuple(square(size, size, batch=1) for size in (4, 8, 28))
OPERATOR, F_LINEAR = "operator", "F.linear"
QUIET, RECORDED = "forward", "forward, recorded"
_NAMES = (F_LINEAR, OPERATOR, LINEAR, OURS)
_HEADER = ("case", "mode", *_NAMES, "spread", "over F.linear", "over nn.Linear", "wanted", "")


def contestants(problem: LayerProblem) -> dict[str, Contestant]:
    """Both functions and both modules, for one problem."""
    x, *factors, bias = problem.leaves
    groups = (1,) * len(factors)
    weight = rebuilt_weight(problem.factors).detach().requires_grad_()
    return {
        F_LINEAR: Contestant(lambda: F.linear(x, weight, bias), (x, weight, bias), in_order=None),
        OPERATOR: Contestant(
            lambda: native.linear_now(x, factors, (bias,), groups), problem.leaves
        ),
        LINEAR: linear(problem),
        OURS: ours(problem),
    }


def call_of(contestant: Contestant, mode: str, problem: LayerProblem) -> Callable[[], object]:
    """What is timed in a mode."""
    return contestant.forward if mode == RECORDED else contestant.call(mode, problem.grad_output)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit code."""
    parser = options.parser("calls", "Time calls on one row.", rounds=41)
    given = parser.parse_args(arguments)
    device, dtype, rounds = options.resolve(parser, given)
    if device.type != "cpu":
        parser.error("--device: the operator timed is that of the CPU; leave it out")
    if not native.available():
        print(f"{native.reason()}: not measured")
        return 0
    lines, rows = [], []
    try:
        for case in CASES:
            problem = make_problem(case, device=device, dtype=dtype)
            taken = contestants(problem)
            truth = true_result(problem, BOTH)
            for name, contestant in taken.items():
                check(name, contestant, problem, BOTH, truth)
            for mode in (QUIET, RECORDED, BOTH):
                calls = {name: call_of(c, mode, problem) for name, c in taken.items()}
                timings = interleave(calls, rounds=rounds, device=device)
                over_function = 1 / timings.speedup(OPERATOR, over=F_LINEAR)
                over_module = 1 / timings.speedup(OURS, over=LINEAR)
                wanted = "" if mode == BOTH else f"at most {times(MOST_OVER_LINEAR)} F.linear"
                reached = report.verdict(over_function <= MOST_OVER_LINEAR) if wanted else ""
                medians = {name: timings.median(name) for name in _NAMES}
                shown = (seconds(medians[name]) for name in _NAMES)
                ratios = (times(over_function), times(over_module))
                spread = f"{timings.spread(OPERATOR):.0%}"
                lines.append([case.label, mode, *shown, spread, *ratios, wanted or "-", reached])
                rows.append({"case": case.label, "mode": mode, "median_s": medians})
                rows[-1] |= {"over_f_linear": over_function, "over_nn_linear": over_module}
                rows[-1] |= {"verdict": reached}
    except WrongResultError as wrong:
        print(f"nothing reported: {wrong}", file=sys.stderr)
        return 1
    where = setting(device, dtype, rounds)
    print("Calls on one row: " + report.described(where) + "\n")
    report.print_table(_HEADER, lines)
    report.save(given.json, "calls", where, rows)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
