"""What the fused kernels take, which needs neither Triton nor a GPU to say."""

import re
import subprocess
import sys

import pytest
import torch

from qimlp.ops.triton.linear import available, reason
from qimlp.shapes import KroneckerShape
from qimlp.shapes.gpu_limits import LARGEST_FACTOR, fused_groups, padded, supports
from qimlp.shapes.problem import merged_shape

HALF, SINGLE = "bfloat16", "float32"


def test_padded_sizes():
    sizes = (1, 16, 17, 32, 33, 63, 64, 65, 127, 128)
    assert [padded(n) for n in sizes] == [16, 16, 32, 32, 64, 64, 64, 128, 128, 128]


@pytest.mark.parametrize(
    ("in_dims", "out_dims", "rank", "dtype", "words"),
    [
        ((28,), (28,), 1, SINGLE, "at least two factors and this layer has 1"),
        ((4, 4), (4, 4), 1, "float64", "float16, bfloat16 and float32, not float64"),
        ((4, 4), (4, 129), 1, HALF, "at most 128 in fast memory and this layer has 129"),
        ((33, 4), (4, 4), 1, SINGLE, "at most 32 in fast memory and this layer has 33"),
        ((8, 8, 8), (8, 8, 8), 2, SINGLE, "multiply out to 3 of at most 32.*not for rank 2"),
    ],
)
def test_refusals_say_why(in_dims, out_dims, rank, dtype, words):
    assert re.search(words, supports(KroneckerShape(in_dims, out_dims, rank), dtype))


@pytest.mark.parametrize(
    ("in_dims", "out_dims", "dtype", "groups"),
    [
        ((28, 28), (28, 28), SINGLE, (1, 1)),
        ((4, 4, 7, 7), (4, 4, 7, 7), HALF, (2, 2)),
        ((7, 7, 16), (7, 7, 16), HALF, (2, 1)),
        ((2, 2, 2, 2), (2, 2, 2, 2), SINGLE, (1, 3)),
        ((8,) * 6, (8,) * 6, HALF, (2, 2, 2)),
        ((8,) * 6, (8,) * 6, SINGLE, (1,) * 6),
        ((32, 2, 8, 2), (1, 2, 16, 2), SINGLE, (2, 1, 1)),
    ],
)
def test_groups(in_dims, out_dims, dtype, groups):
    shape = KroneckerShape(in_dims, out_dims)
    assert supports(shape, dtype) is None
    found = fused_groups(shape, dtype)
    merged = merged_shape(shape, found)
    assert max(*merged.in_dims, *merged.out_dims) <= LARGEST_FACTOR[dtype]
    assert len(found) == len(groups)
    if len(groups) == 2:
        assert found == groups


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_cuda_the_reason_is_one_line():
    assert not available()
    assert "Triton is not installed" in reason() or "no CUDA device" in reason()
    assert "\n" not in reason()


@pytest.mark.parametrize(
    ("triton", "cuda", "hip", "capability", "words"),
    [
        ("3.7.1", True, None, (9, 0), "^$"),
        ("3.4.0+git1234", True, None, (8, 0), "^$"),
        ("3.3.1", True, None, (9, 0), "need Triton 3.4 or newer, 3.3.1 is installed"),
        ("3.7.1", False, None, (9, 0), "no CUDA device"),
        ("3.7.1", True, "7.0", (9, 0), "AMD"),
        ("3.7.1", True, None, (7, 5), "compute capability 8.0 or newer, this GPU has 7.5"),
    ],
)
def test_reasons(monkeypatch, triton, cuda, hip, capability, words):
    monkeypatch.setattr("qimlp.ops.triton.linear.find_spec", lambda name: name)
    monkeypatch.setattr("qimlp.ops.triton.linear.version", lambda name: triton)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: capability)
    monkeypatch.setattr(torch.version, "hip", hip)
    assert re.search(words, reason())
    assert available() == (words == "^$")


def test_importing_the_package_imports_no_triton():
    code = "import qimlp, qimlp.ops.triton.linear, sys; sys.exit('triton' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
