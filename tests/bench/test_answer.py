import pytest
import torch

from qimlp.bench.case import BOTH, FORWARD, square
from qimlp.bench.extra_memory import ExtraMemory
from qimlp.bench.floor import Floor
from qimlp.bench.implementations import LINEAR, OURS
from qimlp.bench.layer import MeasuredLayer
from qimlp.bench.memory_check import require_memory
from qimlp.bench.timing import Timings
from qimlp.bench.verdict import answer
from qimlp.functional import explain

CASE = square(28, 28)


def measured(forward, both, case=CASE, samples=(1e-4,) * 4):
    def one(mode, ratio):
        times = {OURS: samples}
        left_out = {}
        if ratio is None:
            left_out = {LINEAR: "the dense weight would take 256 GiB"}
        else:
            times[LINEAR] = tuple(ratio * sample for sample in samples)
        explanation = explain(case.shape, case.batch, needs_grad=mode == BOTH)
        return MeasuredLayer(case, mode, explanation, Timings(times), Floor(5e-5, 1, 1), left_out)

    return {FORWARD: one(FORWARD, forward), BOTH: one(BOTH, both)}


@pytest.mark.parametrize(
    ("forward", "both", "verdict"),
    [
        (9.0, 7.0, "Worth it: "),
        (9.0, 1.0, "Worth it: "),
        (1.0, 1.0, "Worth it for its size, not for speed: "),
        (0.5, 1.0, "Not worth it for speed, only for its size: "),
        (2.0, 0.5, "It depends on what you do: "),
        (None, None, "Worth it: nn.Linear(784, 784) was not timed"),
    ],
)
def test_the_first_words(forward, both, verdict):
    assert answer(measured(forward, both), {})[0].startswith(verdict)


def test_numbers_and_the_way():
    memory = {OURS: ExtraMemory(100, 1100, 1000), LINEAR: ExtraMemory(100, 3000, 1000)}
    lines = answer(measured(9.0, 0.5), memory)
    assert "forward (prediction) is 9 times as fast" in lines[0]
    assert "forward and backward (training) takes 2 times as long" in lines[0]
    assert "2,352 instead of 615,440, 262 times fewer" in lines[1]
    assert "1.10 times its output and input gradient (nn.Linear: 3.00 times)" in lines[2]
    assert lines[3].startswith(f"The method taken: {explain(CASE.shape, 50).chosen.method}")
    assert any(line.strip().startswith("not ") for line in lines)
    assert not any("busy" in line for line in lines)


def test_a_high_rank_saves_nothing():
    case = square(4, 4, rank=20)
    lines = answer(measured(0.5, 0.5, case), {})
    assert lines[0].startswith("Not worth it for speed, nor for its size: ")
    assert "no fewer than the 272 of nn.Linear" in lines[1]
    assert any("to_linear()" in line for line in lines) == (
        explain(case.shape, 50).chosen.method == "dense"
    )


def test_unsteady_samples_are_told():
    assert "busy" in answer(measured(9.0, 9.0, samples=(1.0, 1.0, 2.0, 2.0)), {})[-1]


def test_more_than_the_machine_has_is_refused():
    require_memory(CASE, torch.device("cpu"), torch.float32)
    with pytest.raises(ValueError, match=r"needs about .* TiB .* take a smaller batch"):
        require_memory(square(28, 28, batch=10**12), torch.device("cpu"), torch.float32)
