"""Peak memory: the allocator's on CUDA, the process's resident set elsewhere."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import torch

_STATUS = Path("/proc/self/status")
_FORGET = Path("/proc/self/clear_refs")


class PeakMemory:
    """By how much the peak has grown since this object was made.

    On the CPU the peak is that of the process's resident set. Linux forgets an earlier peak here.
    Elsewhere it stays, so that growth is seen only where nothing larger has come and gone before.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        if device.type == "cuda":
            torch.cuda.synchronize(device)
            torch.cuda.reset_peak_memory_stats(device)
        else:
            forget_peak()
        self._before = self._peak()

    def extra_bytes(self) -> int | None:
        """Bytes by which the peak has grown; `None` where the system does not tell it."""
        now = self._peak()
        return None if now is None or self._before is None else now - self._before

    def _peak(self) -> int | None:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
            return torch.cuda.max_memory_allocated(self._device)
        return peak_resident_bytes()


def forget_peak() -> bool:
    """Let the peak resident set start anew at the present one; whether the system can do that."""
    try:
        _FORGET.write_text("5", encoding="ascii")
    except OSError:
        return False
    return True


def total_bytes() -> int | None:
    """Memory of the machine in bytes; None where the system does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # no such call on Windows
        return None


def peak_resident_bytes() -> int | None:
    """Peak resident memory of this process in bytes; None where the system does not say."""
    if _STATUS.is_file():  # Linux; its getrusage also counts what ran before an exec
        for line in _STATUS.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    if sys.platform == "darwin":
        import resource  # noqa: PLC0415 - absent on Windows

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return None
