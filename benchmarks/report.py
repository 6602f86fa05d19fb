"""What the programs share on their way out: the machine's description, tables, the JSON file."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.floor import Floor
from qimlp.files import write_json


def setting(device: torch.device, dtype: torch.dtype, rounds: int) -> dict[str, Any]:
    """Describe where and how the numbers were measured."""
    cuda = device.type == "cuda"
    return {
        "device": torch.cuda.get_device_name(device) if cuda else processor(),
        "threads": torch.get_num_threads(),
        "clock": "CUDA events" if cuda else "process CPU time",
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


def seconds(value: float) -> str:
    """A duration with the unit that suits it, three digits."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value * 1e9:.3g} ns"


def times(ratio: float) -> str:
    """A ratio such as `6.53x`."""
    return f"{ratio:.2f}x" if ratio < 10 else f"{ratio:.1f}x"


def verdict(met: bool) -> str:
    """What the last column says of a wanted figure."""
    return "met" if met else "NOT met"


def floor_fields(floor: Floor, median: float) -> dict[str, float]:
    """A floor, and how a measured time compares with it, for the JSON file."""
    return {
        "floor_s": floor.seconds,
        "multiple_of_floor": median / floor.seconds,
        "peak_flops_per_s": floor.flops_per_second,
        "bandwidth_bytes_per_s": floor.bytes_per_second,
    }


def print_heading(title: str, where: dict[str, Any]) -> None:
    """Print what was measured where and how to read it, above the table."""
    print(f"{title}: " + ", ".join(f"{key} {value}" for key, value in where.items()))
    print(
        "Columns of others: their time over qimlp's (above 1: qimlp is faster). "
        "x floor: qimlp's time over the floor.\n"
    )


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a Markdown table with aligned columns."""
    widths = [max(len(line[column]) for line in (header, *rows)) for column in range(len(header))]
    rule = ["-" * width for width in widths]
    for line in (header, rule, *rows):
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        print("| " + " | ".join(cells) + " |")


def save(
    path: Path | None, program: str, where: dict[str, Any], rows: list[dict[str, Any]]
) -> None:
    """Write all rows to `path` as JSON, whole or not at all; do nothing without a path.

    Raises:
        SystemExit: If the file cannot be written, with the reason in one line.
    """
    if path is None:
        return
    try:
        write_json(path, {"program": program, "setting": where, "rows": rows})
    except OSError as error:
        raise SystemExit(
            f"{error.filename}: {error.strerror}; give --json another place"
        ) from error
