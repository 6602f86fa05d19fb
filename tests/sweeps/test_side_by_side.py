"""Tasks side by side, each in a process of its own."""

import ast
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from qimlp.paper.campaign import keyed_lines
from qimlp.sweeps import run_side_by_side, side_by_side
from qimlp.training import TrainingInterrupted
from tests.sweeps.tasks import square

SLEEPERS = """
import sys
from tests.sweeps.tasks import sleep_long
from qimlp.sweeps import run_side_by_side

if __name__ == "__main__":
    run_side_by_side(
        [0, 1], sleep_long, jobs=2, name_of=str,
        on_event=lambda event: print(event, flush=True), on_done=print,
    )
"""


def run(tasks, jobs):
    parts, results = [], []
    run_side_by_side(
        tasks,
        square,
        jobs=jobs,
        name_of=lambda task: f"number {task}",
        on_event=parts.append,
        on_done=lambda task, result: results.append((task, result)),
    )
    return sorted(parts), sorted(results)


@pytest.mark.parametrize("jobs", [1, 2])
def test_every_task_is_run_and_told(jobs):
    parts, results = run([1, 2, 3], jobs)
    assert results == [(1, 1), (2, 4), (3, 9)]
    assert parts == [("task 1", 0.5), ("task 2", 0.5), ("task 3", 0.5)]
    assert run([], jobs) == ([], [])


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_a_task_raises_is_raised(jobs):
    with pytest.raises(ValueError, match="no square"):
        run([-1], jobs)
    with pytest.raises(TrainingInterrupted, match="the task was interrupted"):
        run([99], jobs)


def test_where_a_task_raised_is_in_the_traceback():
    with pytest.raises(ValueError, match="no square") as raised:
        run([-1], 2)
    assert "in square" in str(raised.value.__cause__)


def test_a_killed_process_is_one_line_with_the_name_of_the_task():
    with pytest.raises(OSError, match=r"the process of number 13 was killed .*; run the command"):
        run([13, 2], 2)


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_the_processes_end_with_the_one_that_started_them(number, tmp_path):
    (tmp_path / "sleepers.py").write_text(SLEEPERS)
    root = Path(__file__).parents[2]
    paths = os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])])
    main = subprocess.Popen(
        [sys.executable, "sleepers.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": paths},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    workers = [int(main.stdout.readline()) for _ in range(2)]
    main.send_signal(number)
    main.wait(120)
    main.stdout.close()
    end = time.monotonic() + 120
    while time.monotonic() < end and any(map(is_alive, workers)):
        time.sleep(0.05)
    assert not any(map(is_alive, workers))
    assert {file.name for file in tmp_path.glob("inter*")} == {"interrupted-0", "interrupted-1"}


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return not is_zombie(pid)


def is_zombie(pid: int) -> bool:
    """Whether it has ended and nobody has asked for its code yet."""
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z"


def test_the_general_part_knows_nothing_of_the_paper():
    for module in (keyed_lines, side_by_side):
        tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
        names = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)} | {
            one.name
            for node in ast.walk(tree)
            if isinstance(node, ast.Import)
            for one in node.names
        }
        assert {name for name in names if name.startswith("qimlp")} <= {"qimlp.files"}
