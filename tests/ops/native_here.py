"""Run the kernel's tests where it was built; with QIMLP_REQUIRE_KERNEL=1 its absence fails."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator

import pytest
import torch

from qimlp.ops import native

ARM = platform.machine().lower() in ("aarch64", "arm64")
INSTRUCTIONS = ("portable", "neon") if ARM else ("portable", "avx2", "avx512", "avx512_bf16", "amx")


def needs_kernel() -> None:
    if native.available():
        return
    if os.environ.get("QIMLP_REQUIRE_KERNEL") == "1":
        pytest.fail(f"QIMLP_REQUIRE_KERNEL=1 asks for the kernel: {native.reason()}")
    pytest.skip(native.reason())


@pytest.fixture(params=INSTRUCTIONS)
def instructions(request: pytest.FixtureRequest) -> Iterator[str]:
    """Every instruction set that this machine has, on working memory filled with NaN."""
    needs_kernel()
    best = torch.ops.qimlp.kernel_instructions()
    if INSTRUCTIONS.index(request.param) > INSTRUCTIONS.index(best):
        pytest.skip(f"this machine has no {request.param}")
    torch.ops.qimlp.kernel_debug(request.param, True)
    yield request.param
    torch.ops.qimlp.kernel_debug("best", False)


@pytest.fixture
def kernel() -> Iterator[None]:
    """The best instruction set, on working memory filled with NaN."""
    needs_kernel()
    torch.ops.qimlp.kernel_debug("best", True)
    yield
    torch.ops.qimlp.kernel_debug("best", False)


@pytest.fixture
def poisoned_results() -> Iterator[None]:
    """Fill every new tensor with NaN, so that an entry that is not written shows."""
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)
