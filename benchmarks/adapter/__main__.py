"""Times an adapter over the frozen layer alone, and its peers: `python -m benchmarks.adapter`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch

from benchmarks import options, report
from benchmarks.adapter.peers import FROZEN, NAMES, OURS, ROWS, Case, kept_bytes, prepare
from qimlp.bench.environment import setting
from qimlp.bench.formatting import seconds, size, times
from qimlp.bench.timing import interleave

_KEPT = tuple(f"{name} kept" for name in NAMES)
_HEADER = ("case", FROZEN, *NAMES, "spread", *_KEPT, "wanted", "")
_WITHIN = 1.3
CASES = (
    Case((24, 32), (24, 32)),
    Case((24, 32), (48, 64)),
    Case((48, 64), (24, 32)),
    Case((24, 32), (24, 32), low_rank=8),
    Case((24, 32), (48, 64), low_rank=8),
    Case((24, 32), (24, 32), rows=64),
)


def measure(case: Case, rounds: int) -> dict[str, Any]:
    """Time one case: a row of the table and of the JSON file.

    Raises:
        ArithmeticError: If qimlp's own result is wrong.
    """
    prepared = prepare(case)
    calls = {
        name: partial(contestant.step, prepared.x, prepared.grad)
        for name, contestant in prepared.taken.items()
    }
    timings = interleave(calls, rounds=rounds, device=torch.device("cpu"))
    over = {name: timings.speedup(FROZEN, name) for name in calls if name != FROZEN}
    wanted = case.rows == ROWS  # what it was set for
    return {
        "case": case.label,
        "seconds": {name: timings.median(name) for name in calls},
        "over_frozen": over,
        "spread": timings.spread(OURS),
        "kept_bytes": {name: kept_bytes(prepared, name) for name in over},
        "left_out": prepared.left_out,
        "wanted": _WITHIN if wanted else None,
        "verdict": report.verdict(over[OURS] <= _WITHIN) if wanted else "",
    }


def _cells(row: dict[str, Any]) -> list[str]:
    over, kept, wanted = row["over_frozen"], row["kept_bytes"], row["wanted"]
    return [
        row["case"],
        seconds(row["seconds"][FROZEN]),
        *(times(over[name]) if name in over else "-" for name in NAMES),
        f"{row['spread']:.0%}",
        *(size(kept[name]) if name in kept else "-" for name in NAMES),
        "" if wanted is None else f"at most {times(wanted)}",
        row["verdict"],
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit code."""
    parser = options.parser("adapter", "Time an adapter over the frozen layer alone.", rounds=15)
    given = parser.parse_args(arguments)
    device, dtype, rounds = options.resolve(parser, given)
    if device.type != "cpu" or dtype is not torch.float32:
        parser.error("it measures float32 on the CPU; leave --device and --dtype as they are")
    try:
        rows = [measure(case, rounds) for case in CASES]
    except ArithmeticError as wrong:
        print(f"nothing reported: {wrong}", file=sys.stderr)
        return 1
    where = setting(device, dtype, rounds)
    print("Adapters, forward and backward: " + report.described(where))
    print(
        "Times are over the frozen layer's own forward and input gradient; kept is what forward "
        "keeps for\nbackward beside input and parameters.\n"
    )
    report.print_table(_HEADER, [_cells(row) for row in rows])
    report.print_left_out([(row["case"], row["left_out"]) for row in rows])
    report.save(given.json, "adapter", where, rows)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
