"""Freed memory stays with the process, where the C library can be told so."""

import subprocess
import sys

import pytest

from qimlp.training.engine.allocator import keep_freed_memory

_FAULTS = """
import resource, sys
import numpy
from qimlp.training.engine.allocator import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(5):
        numpy.ones(16 * 2**20, dtype=numpy.uint8), numpy.ones(64 * 2**20, dtype=numpy.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

given_back = faults()
if not keep_freed_memory():
    sys.exit("no GNU C library here")
faults()
print(given_back, faults())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="tells the GNU C library only")
def test_memory_is_not_fetched_from_the_system_again():
    # In a process of its own: it cannot be taken back.
    ran = subprocess.run(
        [sys.executable, "-c", _FAULTS], check=False, capture_output=True, text=True
    )
    if "no GNU C library" in ran.stderr:
        pytest.skip("tells the GNU C library only")
    assert ran.returncode == 0, ran.stderr
    given_back, kept = map(int, ran.stdout.split())
    assert kept < given_back / 10


def test_other_systems_are_left_alone(monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    assert keep_freed_memory() is False
