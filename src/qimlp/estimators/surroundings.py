"""What a fit finds around it and leaves as it was: threads, and the random numbers of others."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_SMALL = 2**18
"""Steps on fewer numbers take one thread as long as several."""

_drawing = threading.RLock()  # torch has one generator for all threads


@contextmanager
def threads(count: int | None, numbers: int) -> Iterator[None]:
    """Compute with a number of CPU threads; the number before is set again at the end.

    Args:
        count: How many; None for one where the work is small or this is not the main thread, so
            that joblib's workers do not stand in each other's way, and torch's own number else.
        numbers: Inputs of one step: rows times columns.

    Yields:
        Nothing.
    """
    before = torch.get_num_threads()
    if count is None:
        main = threading.current_thread() is threading.main_thread()
        count = before if main and numbers > _SMALL else 1
    if count == before:
        yield
        return
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def drawing(seed: int, device: torch.device) -> Iterator[None]:
    """Let torch draw from a seed; its generators go on after it as if nothing had been drawn.

    Args:
        seed: Of everything that is drawn.
        device: Where it is drawn, beside the CPU.

    Yields:
        Nothing.
    """
    cuda = [device] if device.type == "cuda" else []
    with _drawing, torch.random.fork_rng(devices=cuda):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would reach every device
        for own in cuda:
            with torch.cuda.device(own):
                torch.cuda.manual_seed(seed)
        yield
