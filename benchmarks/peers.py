"""What is compared: qimlp and its peers, all prepared for the same problem.

A contestant that cannot take a problem raises `RefusedError` with the reason, as does one whose
library is not installed; neither stops a benchmark. Every contestant adds the same dense bias.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own custom

import qimlp
from benchmarks.cases import BOTH, FASTKRON, FORWARD, LINEAR
from benchmarks.problem import (
    TOLERANCE,
    Problem,
    Truth,
    dense_fits,
    rebuilt_weight,
    relative_error,
)

OURS = "qimlp"
REBUILD = "rebuild"
LINEAR_OPERATOR = "linear_operator"
LYCORIS = "LyCORIS"

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


def check(name: str, contestant: Contestant, problem: Problem, mode: str, truth: Truth) -> None:
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


def ours(problem: Problem) -> Contestant:
    """`qimlp.KroneckerLinear` with a dense bias."""
    shape, x = problem.case.shape, problem.x
    layer = qimlp.KroneckerLinear(
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
    parameters = [*(named.pop(f"factors.{i}") for i in range(shape.num_factors)), named.pop("bias")]
    with torch.no_grad():
        for parameter, value in zip(parameters, problem.leaves[1:], strict=True):
            parameter.copy_(value)
    return Contestant(lambda: layer(x), (x, *parameters))


def linear(problem: Problem) -> Contestant:
    """`nn.Linear` of the same size that holds the dense weight."""
    _refuse_large(problem)
    shape, x = problem.case.shape, problem.x
    layer = nn.Linear(shape.in_features, shape.out_features, device=x.device, dtype=x.dtype)
    with torch.no_grad():
        layer.weight.copy_(rebuilt_weight(problem.factors))
        layer.bias.copy_(problem.bias)
    return Contestant(lambda: layer(x), (x, layer.weight, layer.bias), in_order=None)


def rebuild(problem: Problem) -> Contestant:
    """The paper authors' way: build the dense weight with `torch.kron` in every step."""
    _refuse_large(problem)

    def forward() -> Tensor:
        return F.linear(problem.x, rebuilt_weight(problem.factors), problem.bias)

    return Contestant(forward, problem.leaves)


def fastkron(problem: Problem) -> Contestant:
    """FastKron's `gemkm`, x (F1 kron F2 ...), with factors in its own layout, (in, out)."""
    _refuse_copies(problem)
    library = _library("pyfastkron.fastkrontorch")
    factors = [f.detach()[0].T.contiguous().requires_grad_() for f in problem.factors]
    if not library.fastkrontorch.isSupported(problem.x, factors):
        raise RefusedError(f"no FastKron kernel for {problem.x.dtype} on this machine")

    def forward() -> Tensor:
        return library.gemkm(problem.x, factors) + problem.bias

    def in_order(gradients: Gradients) -> Gradients:
        grad_x, *grad_factors, grad_bias = gradients
        return (grad_x, *(grad.T[None] for grad in grad_factors), grad_bias)

    return Contestant(forward, (problem.x, *factors, problem.bias), in_order)


def linear_operator(problem: Problem) -> Contestant:
    """linear_operator's `KroneckerProductLinearOperator`; copies are a batch of operators."""
    operator = _library("linear_operator.operators").KroneckerProductLinearOperator

    def forward() -> Tensor:
        if problem.case.shape.rank == 1:
            product = operator(*(factor[0] for factor in problem.factors)) @ problem.x.T
        else:
            product = (operator(*problem.factors) @ problem.x.T).sum(0)
        return product.T + problem.bias

    return Contestant(forward, problem.leaves)


def lycoris(problem: Problem) -> Contestant:
    """The bypass of LyCORIS's LoKr: two full factors, the weight never built."""
    if len(problem.factors) != 2:
        raise RefusedError(f"LoKr takes two factors, not {len(problem.factors)}")
    _refuse_copies(problem)
    bypass = _library("lycoris.functional.lokr").bypass_forward_diff
    first, second = problem.factors

    def forward() -> Tensor:
        product = bypass(problem.x, None, first[0], None, None, second[0], None, None, None)
        return product + problem.bias

    return Contestant(forward, problem.leaves)


PEERS: dict[str, Callable[[Problem], Contestant]] = {
    LINEAR: linear,
    REBUILD: rebuild,
    FASTKRON: fastkron,
    LINEAR_OPERATOR: linear_operator,
    LYCORIS: lycoris,
}
"""All peers by the name that tables show."""


def prepare(
    problem: Problem, mode: str, truth: Truth
) -> tuple[dict[str, Contestant], dict[str, str]]:
    """Prepare and check qimlp and every peer.

    Args:
        problem: What to compute.
        mode: `FORWARD` or `BOTH`.
        truth: The true result of `problem` in `mode`.

    Returns:
        The contestants to time, qimlp first, and for each peer left out the reason.

    Raises:
        WrongResultError: If qimlp itself is wrong; a wrong peer is only left out.
    """
    taken = {OURS: ours(problem)}
    check(OURS, taken[OURS], problem, mode, truth)
    left_out: dict[str, str] = {}
    for name, build in PEERS.items():
        try:
            contestant = build(problem)
            check(name, contestant, problem, mode, truth)
        except (RefusedError, WrongResultError) as reason:  # noqa: PERF203 - each on its own
            left_out[name] = str(reason)
        else:
            taken[name] = contestant
    return taken, left_out


def _library(name: str) -> ModuleType:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # other projects' deprecations
            importlib.import_module(name.partition(".")[0])  # may fail where a part of it is loaded
            return importlib.import_module(name)
    except ImportError as error:
        raise RefusedError(f"not installed ({error})") from error


def _refuse_large(problem: Problem) -> None:
    if not dense_fits(problem.case):
        size = problem.case.shape.dense_weight_parameters * problem.x.element_size()
        raise RefusedError(f"the dense weight would take {size / 2**30:,.0f} GiB")


def _refuse_copies(problem: Problem) -> None:
    if problem.case.shape.rank > 1:
        raise RefusedError("it has no sum of products")
