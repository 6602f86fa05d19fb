"""Whether the layer is worth it in place of `nn.Linear`, in words."""

from __future__ import annotations

from collections.abc import Mapping

from qimlp.bench.case import BOTH, FORWARD, Case
from qimlp.bench.extra_memory import ExtraMemory
from qimlp.bench.formatting import seconds, size
from qimlp.bench.implementations import LINEAR, OURS
from qimlp.bench.layer import MeasuredLayer

_CLEAR = 1.1  # a ratio nearer to 1 than this is called no difference
_UNSTEADY = 0.25
_KEPT = 4  # a parameter, its gradient and the two moments of Adam


def answer(
    measured: Mapping[str, MeasuredLayer], memory: Mapping[str, ExtraMemory | None]
) -> list[str]:
    """Say whether the layer is worth it, by how much, what it takes and how it is computed.

    Args:
        measured: The layer, in the modes `FORWARD` and `BOTH`.
        memory: Extra memory of forward and backward, by contestant; a contestant may be missing.

    Returns:
        Sentences, one to a line.
    """
    both = measured[BOTH]
    case = both.case
    lines = [
        f"{_verdict(measured)}: {_speed(measured)}.",
        f"Parameters: {_parameters(case)}.",
        f"Memory: {_memory(both, memory)}.",
        f"The method taken: {both.explanation.chosen.describe(case.shape)}"
        f"{_other_forward(measured)}. The choice is made by predicted cost:",
        *str(both.explanation).splitlines()[1:],
    ]
    if both.method == "dense" and case.shape.num_factors > 1:
        lines.append(
            "The weight is multiplied out in every call; for prediction layer.to_linear() does so "
            "once."
        )
    spread = max(
        each.timings.spread(name) for each in measured.values() for name in each.timings.samples
    )
    if spread > _UNSTEADY:
        lines.append(
            f"The machine was busy: samples differ by {spread:.0%}. Run it again when it is quiet."
        )
    return lines


def _verdict(measured: Mapping[str, MeasuredLayer]) -> str:
    """The first word: worth it or not. Speed decides; where it is level, size does."""
    if not all(LINEAR in each.speedups for each in measured.values()):
        return "Worth it"
    ratios = [each.speedups[LINEAR] for each in measured.values()]
    smaller = next(iter(measured.values())).case.shape.compression("dense") > _CLEAR
    if min(ratios) >= 1 / _CLEAR and (max(ratios) >= _CLEAR or smaller):
        return "Worth it" if max(ratios) >= _CLEAR else "Worth it for its size, not for speed"
    if max(ratios) >= _CLEAR:
        return "It depends on what you do"
    return "Not worth it for speed" + (", only for its size" if smaller else ", nor for its size")


def _speed(measured: Mapping[str, MeasuredLayer]) -> str:
    shape = measured[BOTH].case.shape
    linear = f"{LINEAR}({shape.in_features}, {shape.out_features})"
    refused = measured[BOTH].left_out.get(LINEAR)
    if refused is not None:
        parts = [f"{mode} takes {seconds(each.seconds)}" for mode, each in measured.items()]
        return f"{linear} was not timed ({refused}); {', '.join(parts)}"
    words = {FORWARD: "forward (prediction)", BOTH: "forward and backward (training)"}
    parts = [f"{words[mode]} {_ratio(each.speedups[LINEAR])}" for mode, each in measured.items()]
    return f"against {linear} at batch {measured[BOTH].case.batch}, {', '.join(parts)}"


def _ratio(speedup: float) -> str:
    if speedup >= _CLEAR:
        return f"is {speedup:.3g} times as fast"
    if speedup > 1 / _CLEAR:
        return "takes as long"
    return f"takes {1 / speedup:.3g} times as long"


def _parameters(case: Case) -> str:
    own = case.shape.parameters("dense")
    dense = case.shape.dense_weight_parameters + case.shape.out_features
    if own >= dense:
        return f"{own:,}, no fewer than the {dense:,} of {LINEAR}; a lower rank has fewer"
    return f"{own:,} instead of {dense:,}, {_count(dense / own)} times fewer"


def _count(ratio: float) -> str:
    return f"{ratio:,.0f}" if ratio >= 100 else f"{ratio:.3g}"


def _memory(both: MeasuredLayer, memory: Mapping[str, ExtraMemory | None]) -> str:
    case, item = both.case, both.explanation.problem.item_bytes
    own = _KEPT * item * case.shape.parameters("dense")
    dense = _KEPT * item * (case.shape.dense_weight_parameters + case.shape.out_features)
    text = f"training keeps {size(own)} of parameters, gradients and Adam's moments"
    text += f" instead of {size(dense)}"
    ours, linear = memory.get(OURS), memory.get(LINEAR)
    if ours is None:
        return f"{text}; this system does not tell what a pass takes on top"
    text += f"; forward and backward of {ours.rows:,} rows takes {size(ours.peak_bytes)} on top, "
    text += f"{ours.multiple:.2f} times its output and input gradient"
    return text if linear is None else f"{text} ({LINEAR}: {linear.multiple:.2f} times)"


def _other_forward(measured: Mapping[str, MeasuredLayer]) -> str:
    shape = measured[BOTH].case.shape
    forward, both = (measured[mode].explanation.chosen for mode in (FORWARD, BOTH))
    if (forward.method, forward.groups) == (both.method, both.groups):
        return ""
    return f" with gradients, {forward.describe(shape)} without"
