"""Generated C of others: its bytes for a Cortex-M4, and its answers on this machine."""

from __future__ import annotations

import ctypes
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.export.boards import COMPILER, SIZE, Size
from benchmarks.export.comparison.data import Array

_TARGET = ("-mcpu=cortex-m4", "-mthumb", "-ffreestanding", "-std=c99", "-Os")
_HEADERS = {  # of the C library, which the compiler's package lacks: what is declared, not its code
    "math.h": '#define NAN __builtin_nanf("")\n#define INFINITY __builtin_inff()\n'
    "float expf(float); float tanhf(float); float fabsf(float); float sqrtf(float);"
    "double exp(double); double sqrt(double); float powf(float, float); float logf(float);",
    "stdio.h": "typedef struct FILE FILE; int printf(const char *, ...);",
    "stdlib.h": "void *malloc(unsigned); void free(void *); int abs(int);",
    "string.h": "void *memcpy(void *, const void *, unsigned);",
}


def size(code: str, includes: Path) -> Size:
    """Compile C for a Cortex-M4 with -Os; keep what `model_predict` needs.

    Args:
        code: With `model_predict`, its entry.
        includes: Folder of the headers that it includes.

    Returns:
        Bytes of flash and RAM, without the C library's and the compiler's own functions.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for header, text in _HEADERS.items():
            (folder / header).write_text(text + "\n")
        source, made = folder / "model.c", folder / "model.o"
        source.write_text(code)
        keep = ("-ffunction-sections", "-fdata-sections", "-c")
        _run([COMPILER, *_TARGET, *keep, f"-I{folder}", f"-I{includes}", str(source), "-o", made])
        linked = folder / "linked.o"
        only = ("-r", "-nostdlib", "-Wl,--gc-sections", "-Wl,-u,model_predict")
        _run([COMPILER, *_TARGET, *only, "-Wl,-e,model_predict", made, "-o", linked])
        sections = _run([SIZE, "-A", linked]).splitlines()
    lines = [line.split() for line in sections if line.startswith(".")]

    def total(*kinds: str) -> int:
        return sum(int(line[1]) for line in lines if line[0].startswith(kinds))

    return Size(total(".text", ".rodata", ".data"), total(".data", ".bss"))


def answers(code: str, includes: Path, rows: Array) -> Array:
    """Compile C for this machine and ask it.

    Args:
        code: With `int32_t model_predict(const T *features, int32_t or int8_t features_length)`.
        includes: Folder of the headers that it includes.
        rows: Raw rows of shape (N, features), of the type T.

    Returns:
        Classes of shape (N,).
    """
    with tempfile.TemporaryDirectory() as name:
        source = Path(name) / "model.c"
        source.write_text(code)
        predict: Any = ctypes.CDLL(str(shared_library(source, includes))).model_predict
        predict.restype = ctypes.c_int32
        rows = np.ascontiguousarray(rows)
        predict.argtypes = (ctypes.c_void_p, ctypes.c_int32)
        start, width = rows.ctypes.data, rows.strides[0]
        found = [predict(start + row * width, rows.shape[1]) for row in range(len(rows))]
    return np.array(found)


def shared_library(source: Path, includes: Path) -> Path:
    """Compile C for this machine, beside its source."""
    made = source.with_suffix(".so")
    options = ("-O1", "-w", "-shared", "-fPIC", f"-I{includes}")
    _run(["gcc", *options, str(source), "-lm", "-o", made])
    return made


def _run(command: Sequence[str | Path]) -> str:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]}: {done.stderr.strip()}")
    return done.stdout
