"""The one place that chooses how a call is computed, and says why."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import torch

from qimlp.ops import native
from qimlp.ops.methods import fused
from qimlp.shapes import (
    Candidate,
    Groups,
    KroneckerShape,
    Method,
    Problem,
    Sizes,
    candidates,
    linear_seconds,
)

_KERNEL_DTYPES = (torch.float32, torch.float64, torch.bfloat16)
METHODS: tuple[Method, ...] = ("fused", "two_gemm", "chain", "dense")


def choose(problem: Problem, method: str = "auto", *, composite: bool = False) -> Candidate:
    """Take the candidate with the least predicted time, or the best one of a method.

    Args:
        problem: The call.
        method: A method, or `"auto"`.
        composite: Whether `"auto"` is to keep to methods made of torch's own operations, which
            every transform knows.

    Raises:
        ValueError: An unknown method, or one that cannot compute this shape.
    """
    found = candidates(_on_this_chip(problem), fused=fused.refusal(problem) is None)
    if method == "auto":
        return next(c for c in found if not (composite and c.method == "fused"))
    for candidate in found:
        if candidate.method == method:
            return candidate
    if method not in METHODS:
        raise ValueError(f"method: expected one of {', '.join(('auto', *METHODS))}, got {method!r}")
    reason = _refusal(method, problem)
    raise ValueError(f"method {method!r} cannot compute {problem.shape}: {reason}")


class Choices(NamedTuple):
    """What is chosen for calls of one kind, without and with gradients.

    The two of a pair are one object where they are equal.

    Attributes:
        kernel: The groups, where the compiled kernel can be called at once; else None.
        kernel_recorded: The same of a call that autograd records.
        plain: The method and its groups.
        recorded: Those of a call that autograd records.
    """

    kernel: Groups | None
    kernel_recorded: Groups | None
    plain: tuple[Method, Groups]
    recorded: tuple[Method, Groups]


@lru_cache(maxsize=4096)
def choices(
    sizes: Sizes,
    x_size: tuple[int, ...] | None,
    dtype: torch.dtype,
    device: str = "cpu",
    method: str = "auto",
    composite: bool = False,
    captured: bool = False,
) -> Choices:
    """Choose for every call of one kind, once.

    Args:
        sizes: Of the layer's shape.
        x_size: `(batch, in_features)`, or None where it is unknown.
        dtype: Of all tensors.
        device: Device type.
        method: The method asked for, or `"auto"`.
        composite: As for `choose`.
        captured: Whether the call is recorded as part of a CUDA graph.

    Raises:
        ValueError: As of `choose`.
    """
    shape, name = KroneckerShape(*sizes), str(dtype).removeprefix("torch.")
    rows = None if x_size is None else x_size[0]
    found: list[tuple[Method, Groups]] = []
    for needs_grad in (False, True):
        problem = Problem(shape, rows, name, device, needs_grad, captured=captured)
        candidate = choose(problem, method, composite=composite)
        found.append((candidate.method, candidate.groups))
    plain = found[0]
    recorded = plain if found[1] == plain else found[1]
    if device != "cpu" or dtype not in _KERNEL_DTYPES or x_size is None:
        return Choices(None, None, plain, recorded)
    fits = len(x_size) == 2 and x_size[1] == shape.in_features
    kernel, kernel_recorded = (
        groups if name == "fused" and fits else None for name, groups in (plain, recorded)
    )
    return Choices(kernel, kernel_recorded, plain, recorded)


@dataclass(frozen=True)
class Explanation:
    """Which method a call takes, and why the others were not taken.

    Attributes:
        problem: The call.
        chosen: The candidate taken.
        others: The remaining candidates, cheapest first.
        refused: Methods that cannot compute this shape, each with the reason.
        linear_seconds: Predicted time of `nn.Linear` of the same width.
    """

    problem: Problem
    chosen: Candidate
    others: tuple[Candidate, ...]
    refused: tuple[tuple[str, str], ...]
    linear_seconds: float

    def __str__(self) -> str:
        shape = self.problem.shape
        batch = "unknown" if self.problem.batch is None else self.problem.batch
        pass_ = "forward and backward" if self.problem.needs_grad else "forward"
        lines = [
            f"{shape}, batch {batch}, {self.problem.dtype} on {self.problem.device}, {pass_}",
            f"  taken: {self.chosen.describe(shape)}, "
            f"predicted {_microseconds(self.chosen.seconds)} "
            f"({self.linear_seconds / self.chosen.seconds:.2g} times as fast as nn.Linear)",
        ]
        for other in self.others:
            ratio = other.seconds / self.chosen.seconds
            lines.append(
                f"  not taken: {other.describe(shape)}, predicted {_microseconds(other.seconds)}"
                f" ({ratio:.3g} times as long)"
            )
        lines += [f"  not possible: {method}, {reason}" for method, reason in self.refused]
        return "\n".join(lines)


def explain_choice(problem: Problem) -> Explanation:
    """Say how a call would be computed and why."""
    problem = _on_this_chip(problem)
    found = candidates(problem, fused=fused.refusal(problem) is None)
    present = {candidate.method for candidate in found}
    absent = [method for method in METHODS if method not in present]
    refused = tuple((method, _refusal(method, problem)) for method in absent)
    return Explanation(problem, found[0], found[1:], refused, linear_seconds(problem))


def _on_this_chip(problem: Problem) -> Problem:
    if problem.dtype != "bfloat16" or problem.device != "cpu":
        return problem
    return replace(
        problem,
        torch_bf16=native.torch_bf16(),
        kernel_bf16=native.kernel_bf16(),
    )


def _refusal(method: str, problem: Problem) -> str:
    if method == "fused":
        return fused.refusal(problem) or ""
    needed = {"two_gemm": "two", "chain": "three"}[method]
    return f"it needs at least {needed} factors and this layer has {problem.shape.num_factors}"


def _microseconds(seconds: float) -> str:
    return f"{seconds * 1e6:.3g} us"
