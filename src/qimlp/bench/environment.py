"""Where and how numbers are measured, in words."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

import torch

from qimlp.bench.timing import clock_name


def setting(device: torch.device, dtype: torch.dtype, rounds: int) -> dict[str, Any]:
    """Describe where and how the numbers are measured."""
    cuda = device.type == "cuda"
    threads = torch.get_num_threads()
    return {
        "device": torch.cuda.get_device_name(device) if cuda else processor(),
        "threads": threads,
        "clock": clock_name(device, threads),
        "dtype": dtype_name(dtype),
        "rounds": rounds,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "system": platform.system(),
    }


def processor() -> str:
    """Name of the processor as far as the system tells it."""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def dtype_name(dtype: torch.dtype) -> str:
    """`float32` for `torch.float32`."""
    return str(dtype).removeprefix("torch.")
