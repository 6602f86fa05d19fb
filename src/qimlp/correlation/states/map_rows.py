"""Row by row, with bounded scratch memory and on all the threads that torch may use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from math import ceil

import torch
from torch import Tensor

_CHUNK_ELEMENTS = 2**17  # of input; what it takes in float64, several times over, stays in cache


def map_rows(
    function: Callable[[Tensor], tuple[Tensor, ...]], rows: Tensor, workers: int | None = None
) -> tuple[Tensor, ...]:
    """Apply a function that treats every row on its own.

    LAPACK takes small matrices one after the other, on one core. So on the CPU chunks of rows are
    shared out to as many threads as torch may use, and meanwhile each of them computes alone. Where
    gradients are wanted the function is called once, on all rows.

    Args:
        function: Maps rows `(n, d)` to tensors `(n, ...)`.
        rows: Shape `(n, d)`.
        workers: Threads to use on the CPU; by default as many as torch may use.

    Returns:
        What `function` returns for all rows.
    """
    if torch.is_grad_enabled() and rows.requires_grad:
        return function(rows)

    def apply(chunk: Tensor) -> tuple[Tensor, ...]:
        with torch.no_grad():  # a property of the thread
            return function(chunk)

    chunks = max(1, ceil(rows.numel() / _CHUNK_ELEMENTS))
    if rows.device.type != "cpu":
        return _joined([apply(part) for part in rows.detach().tensor_split(chunks)])
    with one_thread_each() as available:
        workers = available if workers is None else workers
        if chunks == 1 or workers == 1:
            return _joined([apply(part) for part in rows.detach().tensor_split(chunks)])
        parts = rows.detach().tensor_split(ceil(chunks / workers) * workers)
        with ThreadPoolExecutor(workers) as pool:
            return _joined(list(pool.map(apply, parts)))


@contextmanager
def one_thread_each() -> Iterator[int]:
    """Let torch use one thread for each operation inside; as before afterwards.

    Yields:
        How many it may use outside.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield before
    finally:
        torch.set_num_threads(before)


def _joined(results: list[tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
    if len(results) == 1:
        return results[0]
    return tuple(torch.cat(column) for column in zip(*results, strict=True))
