"""The kernels compile for GPUs of three generations, into what their multiprocessors hold."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ops.triton_here import skip_without_triton

skip_without_triton()

#: compute capability -> bytes of shared memory that one program may take
SHARED_MEMORY = {80: 166_912, 89: 101_376, 90: 232_448}


@pytest.mark.parametrize(
    ("kernel", "dtype", "rank", "sizes", "capability"),
    [
        ("forward", "bf16", 1, (28, 28, 28, 28), 89),
        ("forward", "bf16", 3, (64, 48, 48, 64), 90),
        ("forward", "fp16", 1, (128, 127, 112, 128), 89),
        ("forward", "fp32", 2, (28, 28, 28, 28), 80),
        ("backward", "bf16", 1, (64, 64, 64, 64), 90),
        ("backward", "fp16", 3, (16, 16, 49, 49), 89),
        ("backward", "fp32", 1, (24, 24, 32, 32), 80),
        ("backward, large", "bf16", 1, (128, 128, 128, 128), 80),
        ("sum", "bf16", 3, (63, 64, 48, 64), 90),
        ("sum", "fp32", 1, (28, 28, 28, 28), 80),
    ],
)
def test_compiles(kernel, dtype, rank, sizes, capability, tmp_path):
    environment = {**os.environ, "TRITON_INTERPRET": "0", "TRITON_CACHE_DIR": str(tmp_path)}
    script = Path(__file__).with_name("compile_kernels.py")
    command = [sys.executable, script, kernel, dtype, capability, rank, *sizes]
    ran = subprocess.run(
        list(map(str, command)), env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert min(built["shared"] for built in found) <= SHARED_MEMORY[capability]
    for built in found:
        assert (built["tensor_core_products"] > 0) == (dtype != "fp32" and kernel != "sum")
    if kernel == "forward" and dtype == "bf16":  # more stages hold more rows on their way
        deep = max(built["shared"] for built in found if built["stages"] == 4)
        assert rank > 1 or deep > min(built["shared"] for built in found)
