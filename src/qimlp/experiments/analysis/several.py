"""Several runs: does accuracy go with strong correlation, and what differs between seeds?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from qimlp.correlation import BASELINES, Relation, relate
from qimlp.correlation.answers import verdict
from qimlp.correlation.statistics import Estimate, of_few
from qimlp.experiments.analysis.study import RunStudy, last_stage


@dataclass(frozen=True)
class LayerOverRuns:
    """One layer, counted from the input, over runs.

    Attributes:
        layer: Its number, from 1.
        strong: For each network the mean C over its seeds, with Student's interval.
        growth: For each network C minus that of the layer before, over its seeds.
        against: For each network and baseline the difference in C, over its seeds.
        relation: Of mean C and accuracy over all runs; None with fewer than four.
    """

    layer: int
    strong: dict[str, Estimate]
    growth: dict[str, Estimate]
    against: dict[str, dict[str, Estimate]]
    relation: Relation | None


@dataclass(frozen=True)
class SeveralRuns:
    """Runs on one data set side by side.

    Attributes:
        data: Name of the data.
        unit: Of entropies.
        points: For each layer, then for each network, the pairs (mean C, accuracy) of its seeds.
        layers: One entry per layer.
        answers: In words.
    """

    data: str
    unit: str
    points: dict[str, dict[str, list[tuple[float, float]]]]
    layers: list[LayerOverRuns]
    answers: list[str]

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)

    def rows(self) -> list[dict[str, Any]]:
        """One row per layer and run, for CSV."""
        return [
            {"layer": layer, "network": network, "C": strong, "accuracy": accuracy}
            for layer, groups in self.points.items()
            for network, pairs in groups.items()
            for strong, accuracy in pairs
        ]


def compare_runs(studies: Sequence[RunStudy]) -> SeveralRuns | None:
    """Put runs beside each other.

    Args:
        studies: Of runs on one data set.

    Returns:
        The comparison; None with fewer than two runs that have an accuracy.

    Raises:
        ValueError: Runs on several data sets.
    """
    names = sorted({study.data for study in studies})
    if len(names) > 1:
        raise ValueError(f"expected runs on one data set, got {', '.join(names)}")
    complete = [study for study in studies if study.accuracy is not None]
    if len(complete) < 2:
        return None
    points: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for study in complete:
        for number, layer in enumerate(last_stage(study.report).values(), start=1):
            groups = points.setdefault(f"layer {number}", {})
            pair = (layer.measured.strong.mean, study.accuracy or 0.0)
            groups.setdefault(study.network, []).append(pair)
    unit = complete[0].report.unit
    layers = [_layer(number, complete, points) for number in range(1, len(points) + 1)]
    return SeveralRuns(names[0], unit, points, layers, _answers(layers, unit))


def _layer(
    number: int,
    studies: Sequence[RunStudy],
    points: dict[str, dict[str, list[tuple[float, float]]]],
) -> LayerOverRuns:
    pairs = [pair for group in points[f"layer {number}"].values() for pair in group]
    strong: dict[str, list[float]] = {}
    growth: dict[str, list[float]] = {}
    against: dict[str, dict[str, list[float]]] = {}
    for study in studies:
        layers = list(last_stage(study.report).values())
        if len(layers) < number:
            continue
        layer, name = layers[number - 1], study.network
        own = layer.measured.strong.mean
        strong.setdefault(name, []).append(own)
        if number > 1:
            growth.setdefault(name, []).append(own - layers[number - 2].measured.strong.mean)
        for one in layer.comparisons:
            against.setdefault(name, {}).setdefault(one.against, []).append(one.difference)
    return LayerOverRuns(
        number,
        {name: of_few(values) for name, values in strong.items()},
        {name: of_few(values) for name, values in growth.items()},
        {
            name: {baseline: of_few(values) for baseline, values in groups.items()}
            for name, groups in against.items()
        },
        relate([c for c, _ in pairs], [accuracy for _, accuracy in pairs]),
    )


def _answers(layers: Sequence[LayerOverRuns], unit: str) -> list[str]:
    sentences = []
    for layer in layers:
        for network, strong in layer.strong.items():
            if strong.count < 2:
                continue
            parts = [f"Layer {layer.layer} of {network}, {strong.count} runs: C = {_range(strong)}"]
            if network in layer.growth:
                growth = layer.growth[network]
                parts.append(f"against layer {layer.layer - 1} {_judged(growth)}")
            parts += [
                f"against {BASELINES[name]} {_judged(difference)}"
                for name, difference in layer.against.get(network, {}).items()
            ]
            sentences.append(f"{'; '.join(parts)} ({unit}, 95 % over the runs).")
        sentences.append(f"Layer {layer.layer}, all runs: {_related(layer.relation)}")
    return sentences


def _judged(difference: Estimate) -> str:
    return f"{verdict(difference.low, difference.high)}, {_range(difference, '+')}"


def _range(value: Estimate, sign: str = "") -> str:
    return f"{value.mean:{sign}.3f} [{value.low:{sign}.3f}, {value.high:{sign}.3f}]"


def _related(relation: Relation | None) -> str:
    if relation is None:
        return "whether accuracy goes with C cannot be said from fewer than four runs."
    text = (
        f"correlation {relation.pearson:+.2f} "
        f"[{relation.pearson_low:+.2f}, {relation.pearson_high:+.2f}] over {relation.count} runs"
    )
    if relation.pearson_low > 0:
        return f"accuracy rises with C, {text}."
    if relation.pearson_high < 0:
        return f"accuracy falls with C, {text}."
    return f"no clear relation of accuracy and C, {text}."
