"""Tasks side by side, each in a process of its own."""

import ast
import os
from pathlib import Path

import pytest

from qimlp.paper.campaign import keyed_lines
from qimlp.sweeps import run_side_by_side, side_by_side


def square(task: int, on_progress) -> int:
    on_progress(f"task {task}", 0.5)
    if task < 0:
        raise ValueError("no square")
    if task == 13:
        os._exit(1)
    return task * task


def run(tasks, jobs):
    parts, results = [], []
    run_side_by_side(
        tasks,
        square,
        jobs=jobs,
        name_of=lambda task: f"number {task}",
        on_progress=lambda name, part: parts.append((name, part)),
        on_done=lambda task, result: results.append((task, result)),
    )
    return sorted(parts), sorted(results)


@pytest.mark.parametrize("jobs", [1, 2])
def test_every_task_is_run_and_told(jobs):
    parts, results = run([1, 2, 3], jobs)
    assert results == [(1, 1), (2, 4), (3, 9)]
    assert set(parts) <= {("task 1", 0.5), ("task 2", 0.5), ("task 3", 0.5)}
    assert parts
    assert run([], jobs) == ([], [])


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_a_task_raises_is_raised(jobs):
    with pytest.raises(ValueError, match="no square"):
        run([-1], jobs)


def test_a_killed_process_is_one_line_with_the_name_of_the_task():
    with pytest.raises(OSError, match=r"a process was killed .* that of number 13; run the comm"):
        run([13], 2)


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
