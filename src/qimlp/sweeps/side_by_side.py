"""Tasks side by side, each in a process of its own, and what they tell on the way."""

import os
import signal
import traceback
from _thread import interrupt_main
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from queue import SimpleQueue
from threading import Thread, main_thread
from typing import Any, TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")
Event = TypeVar("Event")

_PATIENCE_S = 60.0
"""How long a process that was told to stop has to end its step; then it is ended."""


def run_side_by_side(
    tasks: Sequence[Task],
    work: Callable[[Task, Callable[[Event], None]], Result],
    *,
    jobs: int,
    name_of: Callable[[Task], str],
    on_event: Callable[[Event], None],
    on_done: Callable[[Task, Result], None],
    on_start: Callable[[], object] | None = None,
) -> None:
    """Run tasks, at most `jobs` at a time, in the order in which they stand.

    Where this process is interrupted, or is no more, those that it started are interrupted as by
    Ctrl-C, which does not reach them otherwise: they are a process group of their own each.

    Args:
        tasks: What to run; travels to another process where there is more than one job.
        work: Runs one task, and is given what to tell events to; travels, too.
        jobs: How many run at a time; with 1 they run in this process.
        name_of: Name of a task, for a message.
        on_event: Told in this process what `work` tells.
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
            on_done(task, work(task, on_event))
        return
    waiting = list(tasks)
    with _workers(min(jobs, len(tasks)), work, on_start) as workers:
        busy = {worker.connection: (worker, _give(worker, waiting)) for worker in workers}
        while busy:
            for connection in wait(list(busy)):
                worker, task = busy[connection]  # type: ignore[index]
                message = _received(worker, name_of(task))
                if isinstance(message, _Told):
                    on_event(message.event)
                    continue
                if isinstance(message, _Failed):
                    raise message.error from _RemoteError(message.trace)
                on_done(task, message.result)
                if waiting:
                    busy[worker.connection] = (worker, _give(worker, waiting))
                else:
                    del busy[worker.connection]


def usable_cores() -> int:
    """Count the cores that this process may use.

    Returns:
        At least 1.
    """
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1


@dataclass(frozen=True)
class _Worker:
    process: BaseProcess
    connection: "Connection[Any, Any]"


@dataclass(frozen=True)
class _Told:
    event: Any


@dataclass(frozen=True)
class _Done:
    result: Any


@dataclass(frozen=True)
class _Failed:
    error: BaseException
    trace: str


class _RemoteError(Exception):
    """Where in its own process something was raised; shown by a traceback alone."""


@contextmanager
def _workers(
    count: int,
    work: Callable[..., Any],
    on_start: Callable[[], object] | None,
) -> Iterator[list[_Worker]]:
    """Processes that start afresh, so that no thread or device state is shared."""
    context = get_context("spawn")
    workers: list[_Worker] = []
    try:
        for _ in range(count):
            own, other = context.Pipe()
            process = context.Process(target=_serve, args=(other, work, on_start))
            process.start()
            other.close()
            workers.append(_Worker(process, own))
        yield workers
        for worker in workers:
            with suppress(OSError):
                worker.connection.send(None)
    finally:
        for worker in workers:
            worker.connection.close()
        for worker in workers:
            worker.process.join(_PATIENCE_S)
            worker.process.kill()


def _give(worker: _Worker, waiting: list[Task]) -> Task:
    """Have a worker begin the first of the tasks that wait."""
    task = waiting.pop(0)
    with suppress(OSError):  # a killed one is told of where its answer is waited for
        worker.connection.send((task,))
    return task


def _received(worker: _Worker, name: str) -> Any:
    try:
        return worker.connection.recv()
    except (EOFError, OSError) as error:
        raise OSError(
            f"the process of {name} was killed (out of memory?); run the command again to go on, "
            "with fewer at a time"
        ) from error


def _serve(
    connection: "Connection[Any, Any]",
    work: Callable[..., Any],
    on_start: Callable[[], object] | None,
) -> None:
    """What a worker does: one task after the other."""
    if hasattr(os, "setpgid"):
        os.setpgid(0, 0)  # the main process says when to stop, not the terminal to each
    tasks: SimpleQueue[tuple[Any] | None] = SimpleQueue()
    Thread(target=_listen, args=(connection, tasks), daemon=True).start()
    with suppress(KeyboardInterrupt, OSError):  # told to stop; nobody is there to be told
        if on_start is not None:
            on_start()
        while (task := tasks.get()) is not None:
            connection.send(_outcome(work, task[0], connection))


def _listen(connection: "Connection[Any, Any]", tasks: "SimpleQueue[tuple[Any] | None]") -> None:
    """Take tasks; where the main process has closed its end, or is no more, interrupt the work."""
    try:
        while (message := connection.recv()) is not None:
            tasks.put(message)
    except (EOFError, OSError):
        _interrupt()
    tasks.put(None)


def _outcome(
    work: Callable[..., Any], task: Any, connection: "Connection[Any, Any]"
) -> _Done | _Failed:
    try:
        return _Done(work(task, lambda event: connection.send(_Told(event))))
    except BaseException as error:  # noqa: BLE001 - the main process raises it
        return _Failed(error, traceback.format_exc())


def _interrupt() -> None:
    """Interrupt the main thread as Ctrl-C does, also where it waits."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(main_thread().ident or 0, signal.SIGINT)
    else:
        interrupt_main()
