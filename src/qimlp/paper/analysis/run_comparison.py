"""Several runs: does accuracy go with strong correlation, and what differs between seeds?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from qimlp.correlation import relate
from qimlp.paper.analysis.run_answers import (
    LayerOverRuns,
    LayerTable,
    layer_answer,
    layer_table,
    relation_answer,
)
from qimlp.paper.analysis.study import RunStudy, last_stage
from qimlp.statistics import estimate


@dataclass(frozen=True)
class SeveralRuns:
    """Runs on one data set side by side.

    Attributes:
        data: Name of the data.
        unit: Of entropies.
        points: For each layer, then for each network, the pairs (mean C, accuracy) of its seeds.
        layers: One entry per layer.
        tables: The same to read, one table for each network with two runs or more that have
            baselines.
        answers: In words: one for each table, then whether accuracy goes with C.
    """

    data: str
    unit: str
    points: dict[str, dict[str, list[tuple[float, float]]]]
    layers: list[LayerOverRuns]
    tables: list[LayerTable]
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
        ValueError: If the runs are on several data sets.
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
    first = layers[0]
    told = [name for name in first.against if first.strong[name].count > 1]
    runs = {name: strong.count for name, strong in first.strong.items()}
    return SeveralRuns(
        names[0],
        unit,
        points,
        layers,
        [layer_table(name, layers, unit) for name in told],
        [*(layer_answer(name, layers) for name in told), relation_answer(layers, runs)],
    )


def _layer(
    number: int,
    studies: Sequence[RunStudy],
    points: dict[str, dict[str, list[tuple[float, float]]]],
) -> LayerOverRuns:
    groups = points[f"layer {number}"].items()
    kinds = [network for network, group in groups for _ in group]
    c = [strong for _, group in groups for strong, _ in group]
    accuracy = [reached for _, group in groups for _, reached in group]
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
        {name: estimate(values) for name, values in strong.items()},
        {name: estimate(values) for name, values in growth.items()},
        {
            name: {baseline: estimate(values) for baseline, values in differences.items()}
            for name, differences in against.items()
        },
        relate(c, accuracy),
        relate(c, accuracy, kinds=kinds) if len(set(kinds)) > 1 else None,
    )
