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
    Problem,
    Sizes,
    Way,
    candidates,
    linear_seconds,
)

_KERNEL_DTYPES = (torch.float32, torch.float64, torch.bfloat16)
WAYS: tuple[Way, ...] = ("fused", "two_gemm", "chain", "dense")


def choose(problem: Problem, way: str = "auto", *, composite: bool = False) -> Candidate:
    """The candidate with the least predicted time, or the best one of the way asked for.

    Args:
        problem: the call.
        way: a way, or `"auto"`.
        composite: whether `"auto"` is to keep to ways made of torch's own operations, which every
            transform knows.

    Raises:
        ValueError: an unknown way, or one that cannot compute this shape.
    """
    found = candidates(_on_this_chip(problem), fused=fused.refusal(problem) is None)
    if way == "auto":
        return next(c for c in found if not (composite and c.way == "fused"))
    for candidate in found:
        if candidate.way == way:
            return candidate
    if way not in WAYS:
        raise ValueError(f"method: expected one of {', '.join(('auto', *WAYS))}, got {way!r}")
    reason = _refusal(way, problem)
    raise ValueError(f"method {way!r} cannot compute {problem.shape}: {reason}")


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
    plain: tuple[Way, Groups]
    recorded: tuple[Way, Groups]


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
    found: list[tuple[Way, Groups]] = []
    for needs_grad in (False, True):
        problem = Problem(shape, rows, name, device, needs_grad, captured=captured)
        candidate = choose(problem, method, composite=composite)
        found.append((candidate.way, candidate.groups))
    plain = found[0]
    recorded = plain if found[1] == plain else found[1]
    if device != "cpu" or dtype not in _KERNEL_DTYPES or x_size is None:
        return Choices(None, None, plain, recorded)
    fits = len(x_size) == 2 and x_size[1] == shape.in_features
    kernel, kernel_recorded = (
        groups if way == "fused" and fits else None for way, groups in (plain, recorded)
    )
    return Choices(kernel, kernel_recorded, plain, recorded)


@dataclass(frozen=True)
class Explanation:
    """Which way a call takes, and why the others were not taken.

    Attributes:
        problem: the call.
        chosen: the candidate taken.
        others: the remaining candidates, cheapest first.
        refused: ways that cannot compute this shape, with the reason.
        linear_seconds: predicted time of `nn.Linear` of the same width.
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
        lines += [f"  not possible: {way}, {reason}" for way, reason in self.refused]
        return "\n".join(lines)


def explain_choice(problem: Problem) -> Explanation:
    """Say how a call would be computed and why."""
    problem = _on_this_chip(problem)
    found = candidates(problem, fused=fused.refusal(problem) is None)
    present = {candidate.way for candidate in found}
    refused = tuple((way, _refusal(way, problem)) for way in WAYS if way not in present)
    return Explanation(problem, found[0], found[1:], refused, linear_seconds(problem))


def _on_this_chip(problem: Problem) -> Problem:
    if problem.dtype != "bfloat16" or problem.device != "cpu":
        return problem
    return replace(
        problem,
        torch_narrow=native.torch_narrow(),
        kernel_narrow=native.kernel_narrow(),
    )


def _refusal(way: str, problem: Problem) -> str:
    if way == "fused":
        return fused.refusal(problem) or ""
    needed = {"two_gemm": "two", "chain": "three"}[way]
    return f"it needs at least {needed} factors and this layer has {problem.shape.num_factors}"


def _microseconds(seconds: float) -> str:
    return f"{seconds * 1e6:.3g} us"
