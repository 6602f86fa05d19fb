"""Times one layer against others and its floor, after checking every result."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from qimlp.bench.case import BOTH, FORWARD, Case
from qimlp.bench.floor import Floor, Machine, layer_work
from qimlp.bench.implementations import Contestant, prepare_pair
from qimlp.bench.measured import Measured
from qimlp.bench.problem import LayerProblem, Truth, make_problem, true_result
from qimlp.bench.timing import Timings, interleave
from qimlp.functional import explain
from qimlp.ops import Explanation

Prepare = Callable[[LayerProblem, str, Truth], tuple[dict[str, Contestant], dict[str, str]]]


@dataclass(frozen=True)
class MeasuredLayer(Measured):
    """One case in one mode, measured.

    Attributes:
        case: The layer.
        mode: `FORWARD` or `BOTH`.
        explanation: Which method the layer took and why.
        timings: Of the layer and of everything it was compared with, by name.
        floor: The time that no program can beat here.
        left_out: What it was not compared with, and why not.
    """

    case: Case
    mode: str
    explanation: Explanation
    timings: Timings
    floor: Floor
    left_out: dict[str, str]

    @property
    def method(self) -> str:
        """Name of the method that the layer took."""
        return self.explanation.chosen.method

    def fields(self) -> dict[str, Any]:
        """The figures as a JSON file holds them."""
        return {
            "case": self.case.label,
            "mode": self.mode,
            "method": self.method,
            "way": self.method,  # its older name
            **self.timing_fields(),
            "left_out": self.left_out,
            **self.floor.fields(self.seconds),
        }


def measure_layer(
    case: Case, machine: Machine, rounds: int, prepare: Prepare = prepare_pair
) -> Iterator[MeasuredLayer]:
    """Check every contestant of `case`, then time those that are right; one mode at a time.

    Args:
        case: The layer.
        machine: Where, and in which dtype.
        rounds: Samples of each contestant.
        prepare: Makes and checks the contestants.

    Raises:
        WrongResultError: If the layer's own result is wrong.
    """
    problem = make_problem(case, device=machine.device, dtype=machine.dtype)
    truth = true_result(problem, BOTH if BOTH in case.modes else FORWARD)
    for mode in case.modes:
        contestants, left_out = prepare(problem, mode, truth)
        calls = {name: each.call(mode, problem.grad_output) for name, each in contestants.items()}
        timings = interleave(calls, rounds=rounds, device=machine.device)
        floor = machine.floor(layer_work(case, mode, problem.x.element_size()))
        taken = explain(
            case.shape,
            case.batch,
            dtype=machine.dtype,
            device=machine.device,
            needs_grad=mode == BOTH,
        )
        yield MeasuredLayer(case, mode, taken, timings, floor, left_out)
