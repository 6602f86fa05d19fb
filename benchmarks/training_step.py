"""Times one optimiser step of the paper's networks: `python -m benchmarks.training_step`.

A step is forward, cross-entropy, backward, fused Adam and cleared gradients, on one fixed batch,
in training mode. Three networks take it: the two-body QiMLP, the paper's classic MLP, and the same
QiMLP with every dense weight rebuilt by `torch.kron` in each step (the authors' way).
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own custom

import qimlp
from benchmarks import options, report
from benchmarks.floor import Machine, Work, forward_flops
from benchmarks.peers import OURS, REBUILD, WrongResultError
from benchmarks.problem import TOLERANCE, rebuilt_weight, relative_error
from benchmarks.timing import interleave
from qimlp.shapes import PAPER_NETWORKS, PAPER_WIDTHS, KroneckerShape

MLP = "MLP"
_HEADER = ("network", OURS, "spread", MLP, REBUILD, "x floor", "wanted", "")
_BATCH = 50
_LEARNING_RATE = 1e-5  # small: the batch is not learnt by heart while it is being timed
_ADAM_PASSES = 7  # parameter, gradient and two moments read; parameter and two moments written


@dataclass(frozen=True)
class Step:
    """One data set's training step, and the speed-up over the classic MLP wanted of it."""

    data_set: str
    bias: str
    parameters: int
    mlp_parameters: int
    wanted: float

    @property
    def dims(self) -> tuple[tuple[int, ...], ...]:
        """Dims of the two-body network."""
        return PAPER_NETWORKS[self.data_set][2]

    @property
    def label(self) -> str:
        """Name of the row."""
        return f"{self.data_set} two-body, batch {_BATCH}"


STEPS = (
    Step("mnist", "kronecker", 3_451, 1_238_730, 3.2),
    Step("cifar10", "dense", 38_010, 37_791_754, 21.0),
)


class Rebuilt(nn.Module):
    """A QiMLP whose layers build their dense weight and bias in every forward pass."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.layers = [m for m in model.modules() if isinstance(m, qimlp.KroneckerLinear)]

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, in_features) to (batch, out_features), GELU between the layers."""
        for index, layer in enumerate(self.layers):
            bias = layer.bias
            if layer.bias_factors is not None:
                bias = reduce(torch.kron, layer.bias_factors)
            x = F.linear(F.gelu(x) if index else x, rebuilt_weight([*layer.factors]), bias)
        return x


def training_step(model: nn.Module, x: Tensor, labels: Tensor) -> Callable[[], None]:
    """Return one optimiser step of `model`, ready to be timed."""
    optimizer = torch.optim.Adam(model.parameters(), lr=_LEARNING_RATE, fused=True)
    model.train()

    def step() -> None:
        F.cross_entropy(model(x), labels).backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return step


def step_work(dims: Sequence[tuple[int, ...]], parameters: int, element_size: int) -> Work:
    """Least work of one step: every layer forward and backward, Adam, the batch read once.

    The first layer's input needs no gradient, so it goes without that third.
    """
    shapes = [KroneckerShape(a, b) for a, b in pairwise(dims)]
    layers = [forward_flops(shape, _BATCH) for shape in shapes]
    numbers = _BATCH * shapes[0].in_features + _ADAM_PASSES * parameters
    return Work(3 * sum(layers) - layers[0], numbers * element_size)


def measure(step: Step, machine: Machine, rounds: int) -> tuple[list[str], dict[str, Any]]:
    """Check the networks of `step`, then time them; return the table's row and the JSON file's.

    Raises:
        WrongResultError: If a network is not the one that the row speaks of.
    """
    dims, widths = step.dims, PAPER_WIDTHS[step.data_set]
    torch.manual_seed(0)
    model = qimlp.QiMLP([*dims], bias=step.bias, activation="gelu")
    model = model.to(machine.device, machine.dtype)
    classic = qimlp.MLP([*widths], activation="gelu").to(machine.device, machine.dtype)
    rebuilt = Rebuilt(copy.deepcopy(model))
    x = torch.randn(_BATCH, widths[0]).to(machine.device, machine.dtype)
    labels = torch.randint(widths[-1], (_BATCH,)).to(machine.device)
    _check(step, model, classic, x)

    calls = {
        OURS: training_step(model, x, labels),
        MLP: training_step(classic, x, labels),
        REBUILD: training_step(rebuilt, x, labels),
    }
    timings = interleave(calls, rounds=rounds, device=machine.device)
    floor = machine.floor(step_work(dims, step.parameters, x.element_size()))
    median = timings.median(OURS)
    speedups = {name: timings.speedup(OURS, over=name) for name in (MLP, REBUILD)}
    reached = report.verdict(speedups[MLP] >= step.wanted)
    cells = [
        step.label,
        report.seconds(median),
        f"{timings.spread(OURS):.0%}",
        *(report.times(speedups[name]) for name in (MLP, REBUILD)),
        report.times(median / floor.seconds),
        f"{report.times(step.wanted)} {MLP}",
        reached,
    ]
    fields = {
        "network": step.label,
        "median_s": {name: timings.median(name) for name in calls},
        "spread": {name: timings.spread(name) for name in calls},
        "speedup_over": speedups,
        **report.floor_fields(floor, median),
        "wanted": {"over": MLP, "speedup": step.wanted},
        "verdict": reached,
    }
    return cells, fields


def _check(step: Step, model: nn.Module, classic: nn.Module, x: Tensor) -> None:
    """Hold both networks' sizes against the paper's, the QiMLP's values against the definition."""
    for name, network, count in (
        (OURS, model, step.parameters),
        (MLP, classic, step.mlp_parameters),
    ):
        found = sum(parameter.numel() for parameter in network.parameters())
        if found != count:
            raise WrongResultError(f"{name} of {step.label}: {found:,} parameters, not {count:,}")
    exact = copy.deepcopy(model).double()
    _randomise_biases(exact)
    single = copy.deepcopy(exact).to(x.dtype)
    with torch.no_grad():
        error = relative_error(single(x), Rebuilt(exact)(x.double()))
    allowed = TOLERANCE[x.dtype]
    if not error <= allowed:  # also true of NaN
        raise WrongResultError(f"{step.label}: relative error {error:.1e}, allowed {allowed:.0e}")


def _randomise_biases(model: nn.Module) -> None:
    """Give every bias values: at the start they are zero, which would hide a wrong one."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "bias" in name:
                parameter.copy_(torch.randn(parameter.shape))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit code."""
    parser = options.parser("training_step", "Time one optimiser step.", rounds=11)
    parser.add_argument(
        "--networks", nargs="+", choices=[step.data_set for step in STEPS], help="default: all"
    )
    given = parser.parse_args(arguments)
    device, dtype, rounds = options.resolve(parser, given)
    machine = Machine(device, dtype)
    steps = [step for step in STEPS if not given.networks or step.data_set in given.networks]
    try:
        rows = [measure(step, machine, rounds) for step in steps]
    except WrongResultError as wrong:
        print(f"nothing reported: {wrong}", file=sys.stderr)
        return 1
    where = report.setting(device, dtype, rounds)
    report.print_heading("Training step", where)
    report.print_table(_HEADER, [cells for cells, _ in rows])
    report.save(given.json, "training_step", where, [fields for _, fields in rows])
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
