"""For all tests: one thread, and the real data sets where QIMLP_DATA names them.

With QIMLP_REQUIRE_DATA=1, as in CI, a test that would be skipped for want of data fails instead.
Every test starts from random numbers of its own, the same in every run and order.
"""

import os
import random
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.tiny_runs import settings, tiny  # noqa: F401 - fixtures for all

torch.set_num_threads(1)  # tests run side by side


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    """Seed what draws without a generator, before the test's fixtures are made."""
    seed = zlib.crc32(item.nodeid.encode())
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - for libraries that use it
    torch.manual_seed(seed)
    return (yield)


@pytest.fixture
def real_data(request: pytest.FixtureRequest) -> Path:
    """The folder of one real data set: parametrize indirectly with its name."""
    root = os.environ.get("QIMLP_DATA")
    folder = Path(root or "", request.param)
    if root and folder.is_dir():
        return folder
    reason = f"QIMLP_DATA has no folder {request.param}" if root else "QIMLP_DATA is not set"
    if os.environ.get("QIMLP_REQUIRE_DATA") == "1":
        pytest.fail(f"{reason}, and QIMLP_REQUIRE_DATA=1 asks for real data")
    pytest.skip(reason)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests read real data."""
    ran = [r for r in terminalreporter.stats.get("passed", []) if "needs_data" in r.keywords]
    terminalreporter.write_line(f"tests that read real data: {len(ran)} passed")
