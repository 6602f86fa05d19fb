"""One optimiser step of the paper's networks, checked, then timed.

A step is forward, cross-entropy, backward, fused Adam and cleared gradients, on one fixed batch,
in training mode: in an ordinary loop, or as `qimlp train` takes it on the CPU.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own custom

from qimlp import models
from qimlp.bench.floor import Floor, Machine, Work, forward_flops
from qimlp.bench.implementations import OURS, WrongResultError
from qimlp.bench.measured import Measured
from qimlp.bench.problem import TOLERANCE, rebuilt_weight, relative_error
from qimlp.bench.timing import Timings, interleave
from qimlp.nn import KroneckerLinear
from qimlp.shapes import PAPER_NETWORKS, PAPER_WIDTHS, KroneckerShape
from qimlp.tasks import Classification
from qimlp.training import DirectStep

MLP = "MLP"
REBUILD = "rebuild"
_BATCH = 50
_LEARNING_RATE = 1e-5  # small: the batch is not learnt by heart while it is being timed
_ADAM_PASSES = 7  # parameter, gradient and two moments read; parameter and two moments written


@dataclass(frozen=True)
class PaperStep:
    """One data set's training step, with the sizes that its networks have to have."""

    data_set: str
    bias: str
    parameters: int
    mlp_parameters: int

    @property
    def dims(self) -> tuple[tuple[int, ...], ...]:
        """Dims of the two-body network."""
        return PAPER_NETWORKS[self.data_set][2]

    @property
    def label(self) -> str:
        """Name of the row."""
        return f"{self.data_set} two-body, batch {_BATCH}"


STEPS = (
    PaperStep("mnist", "kronecker", 3_451, 1_238_730),
    PaperStep("cifar10", "dense", 38_010, 37_791_754),
)


class Rebuilt(nn.Module):
    """A QiMLP whose layers build their dense weight and bias in every forward pass."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.layers = [m for m in model.modules() if isinstance(m, KroneckerLinear)]

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


def trainers_step(model: nn.Module, x: Tensor, labels: Tensor) -> Callable[[], object]:
    """Return the same step as `qimlp train` takes it, with AdamW's fused update; CPU only."""
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=_LEARNING_RATE, weight_decay=0.0, fused=True
    )
    model.train()
    # Every network of the table ends in the ten classes of its data set.
    task = Classification(tuple("0123456789"))
    return partial(DirectStep(optimizer, model, task), x, labels)


def step_work(dims: Sequence[tuple[int, ...]], parameters: int, element_size: int) -> Work:
    """Least work of one step: every layer forward and backward, Adam, the batch read once.

    The first layer's input needs no gradient, so it goes without that third.
    """
    shapes = [KroneckerShape(a, b) for a, b in pairwise(dims)]
    layers = [forward_flops(shape, _BATCH) for shape in shapes]
    numbers = _BATCH * shapes[0].in_features + _ADAM_PASSES * parameters
    return Work(3 * sum(layers) - layers[0], numbers * element_size)


@dataclass(frozen=True)
class MeasuredStep(Measured):
    """One data set's training step, measured."""

    step: PaperStep
    timings: Timings
    floor: Floor

    def fields(self) -> dict[str, Any]:
        """The figures as a JSON file holds them."""
        return {
            "network": self.step.label,
            **self.timing_fields(),
            **self.floor.fields(self.seconds),
        }


def measure_step(
    step: PaperStep,
    machine: Machine,
    rounds: int,
    others: Sequence[str] = (MLP,),
    *,
    by_trainer: bool = False,
) -> MeasuredStep:
    """Check the networks of `step`, then time them.

    Args:
        step: Which networks.
        machine: Where, and in which dtype.
        rounds: Samples of each network.
        others: What else takes the step: `MLP`, the paper's classic network; `REBUILD`, the same
            QiMLP with every dense weight rebuilt by `torch.kron` in each step (the authors' way).
        by_trainer: All take the step as `qimlp train` does, not in an ordinary loop.

    Raises:
        WrongResultError: If a network is not the one that the step speaks of.
    """
    dims, widths = step.dims, PAPER_WIDTHS[step.data_set]
    torch.manual_seed(0)
    model = models.QiMLP([*dims], bias=step.bias, activation="gelu").to(
        machine.device, machine.dtype
    )
    classic = models.MLP([*widths], activation="gelu").to(machine.device, machine.dtype)
    x = torch.randn(_BATCH, widths[0]).to(machine.device, machine.dtype)
    labels = torch.randint(widths[-1], (_BATCH,)).to(machine.device)
    _check(step, model, classic, x)
    networks = {MLP: classic, REBUILD: Rebuilt(copy.deepcopy(model))}
    make = trainers_step if by_trainer else training_step
    calls: dict[str, Callable[[], object]] = {OURS: make(model, x, labels)}
    calls |= {name: make(networks[name], x, labels) for name in others}
    timings = interleave(calls, rounds=rounds, device=machine.device)
    floor = machine.floor(step_work(dims, step.parameters, x.element_size()))
    return MeasuredStep(step, timings, floor)


def _check(step: PaperStep, model: nn.Module, classic: nn.Module, x: Tensor) -> None:
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
