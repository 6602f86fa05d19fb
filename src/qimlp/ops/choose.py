"""The one place that chooses how a call is computed, and says why."""

from __future__ import annotations

from dataclasses import dataclass, replace

from qimlp.ops import fused, native
from qimlp.shapes import Candidate, Problem, Way, candidates, linear_seconds

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
