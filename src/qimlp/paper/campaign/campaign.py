"""Run cells side by side, each in a process of its own kind, and say how far everything is."""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from queue import Empty
from typing import Any, TypeAlias

from qimlp.paper.campaign.encoding import encode_ahead
from qimlp.paper.campaign.run_cell import Place
from qimlp.paper.campaign.run_stack import run_stack, stacks_of
from qimlp.paper.campaign.store import Entry, Store
from qimlp.paper.cells.cell import Cell
from qimlp.training import keep_freed_memory

_LISTEN_S = 0.2


@dataclass(frozen=True)
class Encoding:
    """Texts are being encoded, before the cells that need the features.

    Attributes:
        encoder: Its label.
        done: The done part, from 0 to 1.
    """

    encoder: str
    done: float


@dataclass(frozen=True)
class CellProgress:
    """A cell is under way.

    Attributes:
        cell: Its name.
        done: The done part, from 0 to 1.
    """

    cell: str
    done: float


@dataclass(frozen=True)
class CellDone:
    """A cell's entry is on disk.

    Attributes:
        cell: The cell.
        entry: Its entry.
    """

    cell: Cell
    entry: Entry


@dataclass(frozen=True)
class ResultDamaged:
    """An entry or a trained run cannot be used, so the cell is run again.

    Attributes:
        reason: One line that names the file.
    """

    reason: str


CampaignEvent: TypeAlias = Encoding | CellProgress | CellDone | ResultDamaged
OnCampaignEvent: TypeAlias = Callable[[CampaignEvent], None]


def missing_cells(cells: Sequence[Cell], store: Store, on_event: OnCampaignEvent) -> list[Cell]:
    """Find the cells that are yet to be run.

    Args:
        cells: The cells wanted.
        store: Where entries lie.
        on_event: Told of damaged entries.

    Returns:
        Those without a usable entry, in order.
    """
    known: set[str] = set()
    for data in dict.fromkeys(cell.variant.data for cell in cells):
        entries = store.entries(data)
        known.update(entries.by_key)
        for reason in entries.damaged:
            on_event(ResultDamaged(reason))
    return [cell for cell in cells if cell.key() not in known]


def run_campaign(
    cells: Sequence[Cell], place: Place, *, jobs: int, on_event: OnCampaignEvent
) -> None:
    """Run cells; each entry is on disk as soon as its cell is done.

    Args:
        cells: The cells to run, in order.
        place: Where they run and what they leave.
        jobs: How many run at a time; with 1 they run in this process.
        on_event: Told how far the cells are.

    Raises:
        ValueError: If `jobs` is less than 1, or settings and data of a cell do not fit.
        FileNotFoundError: If data or an encoder is not there.
        KeyboardInterrupt: On Ctrl-C; cells under way can be continued by another call.
        OSError: If something cannot be written, or a process was killed.
    """
    if jobs < 1:
        raise ValueError(f"jobs: expected at least 1, got {jobs}")
    encode_ahead(cells, place, lambda label, done: on_event(Encoding(label, done)))
    if jobs == 1:
        for stack in stacks_of(cells):
            entries = run_stack(stack, place, lambda name, done: on_event(CellProgress(name, done)))
            _tell_done(stack, entries, on_event)
        return
    with _pool(min(jobs, max(len(cells), 1))) as (pool, queue):
        waiting = {pool.submit(_run, stack, place): stack for stack in stacks_of(cells)}
        while waiting:
            done, _ = wait(waiting, timeout=_LISTEN_S, return_when=FIRST_COMPLETED)
            for name, part in _drained(queue):
                on_event(CellProgress(name, part))
            for future in done:
                stack = waiting.pop(future)
                _tell_done(stack, _result(future, stack), on_event)


def usable_cores() -> int:
    """How many cores this process may use.

    Returns:
        At least 1.
    """
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1


def _tell_done(stack: Sequence[Cell], entries: Sequence[Entry], on_event: OnCampaignEvent) -> None:
    for cell, entry in zip(stack, entries, strict=True):
        on_event(CellDone(cell, entry))


@contextmanager
def _pool(jobs: int) -> Iterator[tuple[ProcessPoolExecutor, Any]]:
    """Processes that start afresh, so that no thread or device state is shared."""
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    pool = ProcessPoolExecutor(jobs, context, initializer=_listen_to, initargs=(queue,))
    try:
        yield pool, queue
    finally:
        pool.shutdown(cancel_futures=True)


_reports: Any = None  # a worker's way to the main process


def _listen_to(queue: Any) -> None:
    global _reports  # noqa: PLW0603 - set once, at a worker's start
    _reports = queue
    keep_freed_memory()


def _run(stack: Sequence[Cell], place: Place) -> list[Entry]:
    return run_stack(stack, place, lambda name, done: _reports.put((name, done)))


def _drained(queue: Any) -> Iterator[tuple[str, float]]:
    with suppress(Empty):
        while True:
            yield queue.get_nowait()


def _result(future: Future[list[Entry]], stack: Sequence[Cell]) -> list[Entry]:
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise OSError(
            f"the process of a cell was killed (out of memory?), perhaps that of {stack[0].name}; "
            "run the command again to go on, with fewer --jobs"
        ) from error
