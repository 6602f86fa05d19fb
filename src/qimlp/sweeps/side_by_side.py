"""Tasks side by side, each in a process of its own, and how far they are."""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from functools import partial
from queue import Empty
from typing import Any, TypeAlias, TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")
OnProgress: TypeAlias = Callable[[str, float], None]
"""Called with a name and its done part, from 0 to 1."""

_LISTEN_S = 0.2


def run_side_by_side(
    tasks: Sequence[Task],
    work: Callable[[Task, OnProgress], Result],
    *,
    jobs: int,
    name_of: Callable[[Task], str],
    on_progress: OnProgress,
    on_done: Callable[[Task, Result], None],
    on_start: Callable[[], object] | None = None,
) -> None:
    """Run tasks, at most `jobs` at a time, in the order in which they stand.

    Args:
        tasks: What to run; travels to another process where there is more than one job.
        work: Runs one task and tells its progress; travels, too.
        jobs: How many run at a time; with 1 they run in this process.
        name_of: Name of a task, for a message.
        on_progress: Told in this process what `work` tells.
        on_done: Called in this process with a task that is done and its result.
        on_start: Called in each new process before its first task.

    Raises:
        ValueError: If `jobs` is less than 1.
        OSError: If a process was killed.
        BaseException: What `work` raises; further tasks are not begun.
    """
    if jobs < 1:
        raise ValueError(f"jobs: expected at least 1, got {jobs}")
    if jobs == 1:
        for task in tasks:
            on_done(task, work(task, on_progress))
        return
    with _pool(min(jobs, max(len(tasks), 1)), on_start) as (pool, queue):
        waiting = {pool.submit(_work_there, partial(work, task)): task for task in tasks}
        while waiting:
            done, _ = wait(waiting, timeout=_LISTEN_S, return_when=FIRST_COMPLETED)
            for name, part in _drained(queue):
                on_progress(name, part)
            for future in done:
                task = waiting.pop(future)
                on_done(task, _result(future, name_of(task)))


def usable_cores() -> int:
    """Count the cores that this process may use.

    Returns:
        At least 1.
    """
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1


@contextmanager
def _pool(
    jobs: int, on_start: Callable[[], object] | None
) -> Iterator[tuple[ProcessPoolExecutor, Any]]:
    """Processes that start afresh, so that no thread or device state is shared."""
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    pool = ProcessPoolExecutor(jobs, context, initializer=_begin, initargs=(queue, on_start))
    try:
        yield pool, queue
    finally:
        pool.shutdown(cancel_futures=True)


_reports: Any = None  # a worker's way to the main process


def _begin(queue: Any, on_start: Callable[[], object] | None) -> None:
    global _reports  # noqa: PLW0603 - set once, at a worker's start
    _reports = queue
    if on_start is not None:
        on_start()


def _work_there(work: Callable[[OnProgress], Result]) -> Result:
    return work(lambda name, part: _reports.put((name, part)))


def _drained(queue: Any) -> Iterator[tuple[str, float]]:
    with suppress(Empty):
        while True:
            yield queue.get_nowait()


def _result(future: Future[Result], name: str) -> Result:
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise OSError(
            f"a process was killed (out of memory?), perhaps that of {name}; "
            "run the command again to go on, with fewer --jobs"
        ) from error
