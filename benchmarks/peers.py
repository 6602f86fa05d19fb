"""What is compared: qimlp and its peers, all prepared for the same problem.

A contestant that cannot take a problem raises `RefusedError` with the reason, as does one whose
library is not installed; neither stops a benchmark. Every contestant adds the same dense bias.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from types import ModuleType

from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own custom

from benchmarks.cases import FASTKRON
from qimlp.bench.implementations import (
    LINEAR,
    OURS,
    Contestant,
    Gradients,
    RefusedError,
    WrongResultError,
    check,
    linear,
    ours,
    refuse_large,
)
from qimlp.bench.problem import LayerProblem, Truth, rebuilt_weight

REBUILD = "rebuild"
LINEAR_OPERATOR = "linear_operator"
LYCORIS = "LyCORIS"


def rebuild(problem: LayerProblem) -> Contestant:
    """The paper authors' way: build the dense weight with `torch.kron` in every step."""
    refuse_large(problem)

    def forward() -> Tensor:
        return F.linear(problem.x, rebuilt_weight(problem.factors), problem.bias)

    return Contestant(forward, problem.leaves)


def fastkron(problem: LayerProblem) -> Contestant:
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


def linear_operator(problem: LayerProblem) -> Contestant:
    """linear_operator's `KroneckerProductLinearOperator`; copies are a batch of operators."""
    operator = _library("linear_operator.operators").KroneckerProductLinearOperator

    def forward() -> Tensor:
        if problem.case.shape.rank == 1:
            product = operator(*(factor[0] for factor in problem.factors)) @ problem.x.T
        else:
            product = (operator(*problem.factors) @ problem.x.T).sum(0)
        return product.T + problem.bias

    return Contestant(forward, problem.leaves)


def lycoris(problem: LayerProblem) -> Contestant:
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


PEERS: dict[str, Callable[[LayerProblem], Contestant]] = {
    LINEAR: linear,
    REBUILD: rebuild,
    FASTKRON: fastkron,
    LINEAR_OPERATOR: linear_operator,
    LYCORIS: lycoris,
}
"""All peers by the name that tables show."""


def prepare(
    problem: LayerProblem, mode: str, truth: Truth
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
        contestant = _prepared(name, build, problem, mode, truth)
        if isinstance(contestant, str):
            left_out[name] = contestant
        else:
            taken[name] = contestant
    return taken, left_out


def _prepared(
    name: str,
    build: Callable[[LayerProblem], Contestant],
    problem: LayerProblem,
    mode: str,
    truth: Truth,
) -> Contestant | str:
    """A peer that is right, or why it is left out."""
    try:
        contestant = build(problem)
        check(name, contestant, problem, mode, truth)
    except (RefusedError, WrongResultError) as reason:
        return str(reason)
    except Exception as error:  # noqa: BLE001 - another project's, whatever it is
        first = (str(error).splitlines() or [""])[0]
        return f"it fails: {type(error).__name__}: {first}"
    return contestant


def _library(name: str) -> ModuleType:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # other projects' deprecations
            importlib.import_module(name.partition(".")[0])  # may fail where a part of it is loaded
            return importlib.import_module(name)
    except ImportError as error:
        raise RefusedError(f"not installed ({error})") from error


def _refuse_copies(problem: LayerProblem) -> None:
    if problem.case.shape.rank > 1:
        raise RefusedError("it has no sum of products")
