"""The answer in words: does a layer hold more than the one before, and more than chance?"""

from __future__ import annotations

from collections.abc import Sequence
from math import hypot

from qimlp.correlation.networks.measure import STAGES, LayerStep
from qimlp.correlation.networks.report import BASELINES, Baseline, Comparison, LayerReport
from qimlp.statistics import NORMAL_95, Estimate

_UNCLEAR = "no clear difference"


def compare(measured: Estimate, baseline: Baseline) -> Comparison:
    """Compare mean C with a baseline's, as means of independent samples.

    Args:
        measured: C of the network.
        baseline: What to compare with.

    Returns:
        Difference, its 95 % interval and the verdict.
    """
    difference = measured.mean - baseline.strong.mean
    half = NORMAL_95 * hypot(measured.standard_error, baseline.strong.standard_error)
    low, high = difference - half, difference + half
    count = min(measured.count, baseline.strong.count)
    return Comparison(baseline.name, difference, low, high, _verdict(low, high, count))


def verdict(difference: Estimate) -> str:
    """Read an estimate of a difference.

    One value alone says nothing clear: its interval has no width because none is known.

    Args:
        difference: The estimate.

    Returns:
        `"more"`, `"less"` or `"no clear difference"`.
    """
    return _verdict(difference.low, difference.high, difference.count)


def _verdict(low: float, high: float, count: int) -> str:
    if count < 2 or low <= 0 <= high:
        return _UNCLEAR
    return "more" if low > 0 else "less"


def in_words(layers: Sequence[LayerReport], steps: Sequence[LayerStep], unit: str) -> list[str]:
    """Answer the two questions from the numbers.

    Args:
        layers: All places.
        steps: Paired differences.
        unit: Name of the unit.

    Returns:
        Sentences: one for each layer that has one before it, then one for each layer on chance,
        then the answer as a whole. After the activation where the model has one, else before.
    """
    stages = {layer.place.stage for layer in layers}
    stage = STAGES[1] if STAGES[1] in stages else STAGES[0]
    chosen = [layer for layer in layers if layer.place.stage == stage]
    names = {layer.place: f"Layer {i}" for i, layer in enumerate(chosen, start=1)}
    means = {layer.place: layer.measured.strong.mean for layer in chosen}
    growth = [step for step in steps if step.first in names and step.second in names]
    sentences = [
        f"{names[step.second]} ({step.second.layer}) holds {_amount(step.difference)} than "
        f"{names[step.first].lower()} ({step.first.layer}): C = {means[step.second]:.3f} against "
        f"{means[step.first]:.3f} {unit}, difference {step.difference.mean:+.3f} "
        f"[{step.difference.low:+.3f}, {step.difference.high:+.3f}], {stage} the activation."
        f"{_untrained_growth(step, chosen)}"
        for step in growth
    ]
    sentences += [
        _against_chance(names[layer.place], layer, unit) for layer in chosen if layer.comparisons
    ]
    if any(layer.comparisons for layer in chosen):
        sentences.append(_as_a_whole(chosen, growth))
    return sentences


def _amount(difference: Estimate) -> str:
    found = verdict(difference)
    word = "neither clearly more nor less" if found == _UNCLEAR else found
    return f"{word} strong correlation"


def _untrained_growth(step: LayerStep, chosen: Sequence[LayerReport]) -> str:
    """What the step is before any training, where that is known."""
    found = {layer.place: layer.baseline("untrained") for layer in chosen}
    first, second = found[step.first], found[step.second]
    if first is None or second is None:
        return ""
    return f" Untrained, the step is {second.strong.mean - first.strong.mean:+.3f}."


def _against_chance(name: str, layer: LayerReport, unit: str) -> str:
    groups = {"more": "more than", "less": "less than", _UNCLEAR: "about as much as"}
    parts = []
    for found, words in groups.items():
        members = [
            f"{BASELINES[c.against]} ({c.difference:+.3f})"
            for c in layer.comparisons
            if c.verdict == found
        ]
        if members:
            parts.append(f"{words} {word_list(members)}")
    return f"{name} ({layer.place.layer}) holds {'; '.join(parts)}; differences in {unit}."


def _as_a_whole(chosen: Sequence[LayerReport], growth: Sequence[LayerStep]) -> str:
    last = chosen[-1]
    above = [BASELINES[c.against] for c in last.comparisons if c.verdict == "more"]
    not_above = [BASELINES[c.against] for c in last.comparisons if c.verdict != "more"]
    grows = [verdict(step.difference) == "more" for step in growth]
    if not growth:
        first = "There is one layer, so growth over layers cannot be judged"
    elif all(grows):
        first = "Strong correlation grows from layer to layer"
    elif any(grows):
        first = f"Strong correlation grows in {sum(grows)} of {len(grows)} steps between layers"
    else:
        first = "Strong correlation does not grow from layer to layer"
    if not not_above:
        return f"As a whole: {_lower(first)}, and the last of them holds more than all baselines."
    second = f"the last of them does not hold more than {word_list(not_above)}"
    if above:
        second += f", though it holds more than {word_list(above)}"
    return f"As a whole: {_lower(first)}; {second}."


def _lower(text: str) -> str:
    return text[0].lower() + text[1:]


def word_list(parts: Sequence[str]) -> str:
    """Join words as a sentence does.

    Args:
        parts: Words; none gives an empty text.

    Returns:
        Text such as `a, b and c`.
    """
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"
