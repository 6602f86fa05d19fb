"""Exported C, built and called: skipped with the reason where there is no compiler."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from qimlp.export.c.render import Program, all_texts
from qimlp.export.description import Array

STRICT = (
    *("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-Wconversion"),
    *("-Wdouble-promotion", "-Wshadow", "-Wstrict-prototypes", "-Wmissing-prototypes", "-O2"),
)
SANITIZED = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g", "-O1")
_TYPES = {"float": np.float32, "uint8_t": np.uint8, "int32_t": np.int32}


def compiler(name: str = "gcc") -> str:
    """Find a compiler, or skip the test."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"no {name} on this machine")
    return found


def write(program: Program, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for file, text in all_texts(program):
        (folder / file).write_text(text)


def build(
    files: Sequence[Path], out: Path, *options: str, cc: str = "gcc", flags: Sequence[str] = STRICT
) -> Path:
    """Compile and link; a warning is an error."""
    command = [compiler(cc), *flags, *options, "-o", out, *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[:3000]
    return out


def outputs_in_c(
    program: Program, folder: Path, rows: Array, *options: str, test_options: Sequence[str] = ()
) -> NDArray[np.generic]:
    """What the C answers to raw rows, through a shared library; runs its self-test too."""
    write(program, folder)
    source = folder / f"{program.name}.c"
    test = build(
        [source, folder / f"{program.name}_test.c"], folder / "test", *options, *test_options
    )
    assert subprocess.run([test], check=False).returncode == 0
    library = ctypes.CDLL(
        os.fspath(build([source], folder / "net.so", "-shared", "-fPIC", *options))
    )
    predict = getattr(library, f"{program.name}_predict")
    x = np.ascontiguousarray(rows, _TYPES[program.body.input_type])
    y = np.empty((len(x), program.outputs), _TYPES[program.body.output_type])
    for given, out in zip(x, y, strict=True):
        assert predict(ctypes.c_void_p(given.ctypes.data), ctypes.c_void_p(out.ctypes.data)) == 0
    return y
