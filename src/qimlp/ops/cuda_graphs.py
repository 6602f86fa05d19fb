"""Whether calls are part of a recording that is replayed later, so that launching them is cheap."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_RECORDED: ContextVar[bool] = ContextVar("qimlp_recorded", default=False)


@contextmanager
def recorded_launches() -> Iterator[None]:
    """Choose methods for a CUDA graph; around its warm-up, too, where the kernels are tuned."""
    token = _RECORDED.set(True)
    try:
        yield
    finally:
        _RECORDED.reset(token)


def launches_are_recorded() -> bool:
    """Whether a call now is to be chosen as one that is replayed."""
    return _RECORDED.get()
