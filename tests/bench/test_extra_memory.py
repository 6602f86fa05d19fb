"""What the system says of a process's memory, held against what must be in it."""

import mmap

import numpy as np
import pytest
import torch

from qimlp.bench import extra_memory
from qimlp.bench.case import square
from qimlp.bench.extra_memory import measure_extra_memory
from qimlp.bench.implementations import LINEAR, OURS
from qimlp.bench.memory import PeakMemory, forget_peak, peak_resident_bytes, total_bytes

CPU = torch.device("cpu")
CASES = (square(32, 32, batch=2), square(16, 16, rank=2, batch=2))

tells = pytest.mark.skipif(peak_resident_bytes() is None, reason="the system does not tell")


def measured(contestant):
    return measure_extra_memory(CASES, device=CPU, dtype=torch.float32, contestant=contestant)


@tells
def test_a_pass_takes_its_results_and_little_more():
    for extra in measured(OURS):
        assert extra.result_bytes >= 2**25
        assert 0.9 < extra.multiple < 1.5


@tells
def test_the_gradient_of_a_dense_weight_counts():
    large, small = measured(LINEAR)
    assert large.peak_bytes >= large.result_bytes + 0.9 * 1024 * 1024 * 4
    assert small.multiple < large.multiple


@tells
@pytest.mark.skipif(not forget_peak(), reason="the system keeps an earlier peak")
def test_an_earlier_and_larger_peak_does_not_hide_a_later_one():
    for count in (2**26, 2**24):
        peak = PeakMemory(CPU)
        # Not from the allocator: after earlier tests it may hand out memory that it had kept.
        with mmap.mmap(-1, count) as block:
            np.frombuffer(block, np.uint8)[:] = 1
        assert 0.9 * count < peak.extra_bytes() < 1.2 * count + 2**20


def test_a_failed_measurement_ends_with_its_last_line(monkeypatch):
    monkeypatch.setattr(extra_memory, "dtype_name", lambda dtype: "no_such_dtype")
    with pytest.raises(RuntimeError, match="no_such_dtype"):
        measured(OURS)


def test_a_machine_has_memory():
    total = total_bytes()
    assert total is None or total > 2**28
