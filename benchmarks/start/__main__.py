"""What it costs to start: `python -m benchmarks.start`.

Every sample is a process of its own, one after the other in turns, and what is compared is the
processor time that it used: waiting for the disk or for others is not in it.
"""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence

import torch

from benchmarks import options, report
from qimlp.bench.environment import processor
from qimlp.bench.formatting import seconds, times

TORCH = "import torch"
PROGRAMS = {
    TORCH: ["-c", "import torch"],
    "import qimlp": ["-c", "import qimlp"],
    "from qimlp import QiMLP, KroneckerLinear": ["-c", "from qimlp import QiMLP, KroneckerLinear"],
    "qimlp --help": ["-m", "qimlp", "--help"],
    "qimlp plan 784 10": ["-m", "qimlp", "plan", "784", "10"],
    "qimlp train --help": ["-m", "qimlp", "train", "--help"],
}
MOST_OVER_TORCH = {"import qimlp": 1.1, "from qimlp import QiMLP, KroneckerLinear": 1.1}
MOST_SECONDS = {"qimlp --help": 1.0, "qimlp plan 784 10": 1.0, "qimlp train --help": 1.0}


def sample(arguments: Sequence[str]) -> float:
    """Processor time of one process of this Python, in seconds."""
    with subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(arguments)}: ended with {process.returncode}")
    return used.ru_utime + used.ru_stime


def judged(name: str, medians: Mapping[str, float]) -> tuple[str, str]:
    """What is wanted of a program, and whether it is reached."""
    if name in MOST_OVER_TORCH:
        most = MOST_OVER_TORCH[name]
        return f"at most {times(most)} torch", report.verdict(
            medians[name] <= most * medians[TORCH]
        )
    if name in MOST_SECONDS:
        most = MOST_SECONDS[name]
        return f"under {most:g} s", report.verdict(medians[name] < most)
    return "-", ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit code."""
    parser = options.parser("start", "Time the start of fresh processes.", rounds=15)
    given = parser.parse_args(arguments)
    device, _, rounds = options.resolve(parser, given)
    if device.type != "cpu" or not hasattr(os, "wait4"):
        parser.error("processor time of processes is read on the CPU of a POSIX system")
    for program in PROGRAMS.values():
        sample(program)  # compiled modules and files in memory
    taken: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for _ in range(rounds):
        for name, program in PROGRAMS.items():
            taken[name].append(sample(program))
    medians = {name: statistics.median(values) for name, values in taken.items()}
    lines, rows = [], []
    for name, median in medians.items():
        wanted, verdict = judged(name, medians)
        over = median / medians[TORCH]
        lines.append([name, seconds(median), times(over), wanted, verdict])
        rows.append({"program": name, "median_s": median, "over_torch": over, "verdict": verdict})
    where = {
        "device": processor(),
        "clock": "processor time",
        "rounds": rounds,
        "torch": torch.__version__,
        "python": platform.python_version(),
    }
    print("Start of a process: " + report.described(where) + "\n")
    report.print_table(("program", "median", "over torch", "wanted", ""), lines)
    report.save(given.json, "start", where, rows)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
