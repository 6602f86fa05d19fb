"""What is compared: the layer and `nn.Linear`, prepared for the same problem and held to its truth.

A contestant that cannot take a problem raises `RefusedError` with the reason. Every contestant adds
the same dense bias.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from qimlp.bench.case import BOTH, FORWARD
from qimlp.bench.problem import (
    TOLERANCE,
    LayerProblem,
    Truth,
    dense_fits,
    rebuilt_weight,
    relative_error,
)
from qimlp.nn import KroneckerLinear

OURS = "qimlp"
LINEAR = "nn.Linear"

Gradients = Sequence[Tensor]


class RefusedError(Exception):
    """A contestant does not take a problem; the message says why."""


class WrongResultError(Exception):
    """A contestant's result is not the true one; the message says by how much."""


@dataclass(frozen=True)
class Contestant:
    """One way to compute a problem, ready to be timed.

    Attributes:
        forward: Computes the output, (batch, out_features).
        leaves: The tensors whose gradients the backward pass computes.
        in_order: Brings their gradients into the order and shapes of the problem's leaves; `None`
            where the parameters are other ones (a dense weight).
    """

    forward: Callable[[], Tensor]
    leaves: tuple[Tensor, ...]
    in_order: Callable[[Gradients], Gradients] | None = tuple

    def call(self, mode: str, grad_output: Tensor) -> Callable[[], object]:
        """Return what is timed: the output alone, or all gradients."""
        if mode == FORWARD:
            return self._output
        return lambda: torch.autograd.grad(self.forward(), self.leaves, grad_output)

    def _output(self) -> Tensor:
        with torch.no_grad():
            return self.forward()


def check(
    name: str, contestant: Contestant, problem: LayerProblem, mode: str, truth: Truth
) -> None:
    """Hold a contestant's result in `mode` against the truth.

    Raises:
        WrongResultError: If the output or a gradient is further off than the dtype allows.
    """
    with torch.no_grad():
        errors = [relative_error(contestant.forward(), truth.output)]
    if mode == BOTH:
        output = contestant.forward()
        errors.append(relative_error(output, truth.output))
        gradients = torch.autograd.grad(output, contestant.leaves, problem.grad_output)
        if contestant.in_order is not None:
            pairs = zip(contestant.in_order(gradients), truth.gradients, strict=True)
            errors += [relative_error(got, true) for got, true in pairs]
    allowed = TOLERANCE[problem.x.dtype]
    wrong = [error for error in errors if not error <= allowed]  # NaN too
    if wrong:
        raise WrongResultError(
            f"{name} is wrong on {problem.case.label}, {mode}: "
            f"relative error {wrong[0]:.1e}, allowed {allowed:.0e}"
        )


def ours(problem: LayerProblem) -> Contestant:
    """`qimlp.KroneckerLinear` with a dense bias."""
    shape, x = problem.case.shape, problem.x
    layer = KroneckerLinear(
        shape.in_features,
        shape.out_features,
        bias="dense",
        in_dims=shape.in_dims,
        out_dims=shape.out_dims,
        rank=shape.rank,
        device=x.device,
        dtype=x.dtype,
    )
    named = dict(layer.named_parameters())
    parameters = [*(named.pop(f"factor_{i}") for i in range(shape.num_factors)), named.pop("bias")]
    with torch.no_grad():
        for parameter, value in zip(parameters, problem.leaves[1:], strict=True):
            parameter.copy_(value)
    return Contestant(lambda: layer(x), (x, *parameters))


def linear(problem: LayerProblem) -> Contestant:
    """`nn.Linear` of the same size that holds the dense weight."""
    refuse_large(problem)
    shape, x = problem.case.shape, problem.x
    layer = nn.Linear(shape.in_features, shape.out_features, device=x.device, dtype=x.dtype)
    with torch.no_grad():
        layer.weight.copy_(rebuilt_weight(problem.factors))
        layer.bias.copy_(problem.bias)
    return Contestant(lambda: layer(x), (x, layer.weight, layer.bias), in_order=None)


def refuse_large(problem: LayerProblem) -> None:
    """Refuse a problem whose dense weight is too large to build.

    Raises:
        RefusedError: It is.
    """
    if not dense_fits(problem.case):
        size = problem.case.shape.dense_weight_parameters * problem.x.element_size()
        raise RefusedError(f"the dense weight would take {size / 2**30:,.0f} GiB")


def prepare_pair(
    problem: LayerProblem, mode: str, truth: Truth
) -> tuple[dict[str, Contestant], dict[str, str]]:
    """Prepare and check the layer and `nn.Linear`.

    Args:
        problem: What to compute.
        mode: `FORWARD` or `BOTH`.
        truth: The true result of `problem` in `mode`.

    Returns:
        The contestants to time, the layer first, and for `nn.Linear`, if left out, the reason.

    Raises:
        WrongResultError: If a result is wrong.
    """
    taken = {OURS: ours(problem)}
    check(OURS, taken[OURS], problem, mode, truth)
    try:
        taken[LINEAR] = linear(problem)
    except RefusedError as reason:
        return taken, {LINEAR: str(reason)}
    check(LINEAR, taken[LINEAR], problem, mode, truth)
    return taken, {}
