"""The paper's claims on strong correlation, from the comparisons of kept runs."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from qimlp.experiments.judging import Mark, Verdict, combined

_SIGNIFICANT = 0.05
_COMMAND = "qimlp reproduce --correlation"
_TITLES = {"mnist": "MNIST", "cifar10": "CIFAR-10"}


def correlation_claims(studies: Mapping[str, Mapping[str, Any]]) -> list[Verdict]:
    """Judge them.

    Args:
        studies: What `relation.json` holds, by the name of its folder.

    Returns:
        The verdicts.
    """
    own = {data: studies[data] for data in _TITLES if data in studies}
    return [
        _mined(own),
        _growing("MNIST: strong correlation is larger in the second layer", "mnist", own),
        _growing("CIFAR-10: strong correlation grows from layer to layer", "cifar10", own),
        _deciding(studies),
    ]


def _mined(own: Mapping[str, Mapping[str, Any]]) -> Verdict:
    """C > 0 is the paper's test; that training made it is the untrained network's."""
    evidence, marks = [], []
    for data, layer, network in _layers(own):
        strong = layer["strong"][network]
        marks.append(_sign(strong))
        text = f"{_TITLES[data]}, layer {layer['layer']}: C = {_text(strong, '')}"
        untrained = layer["against"].get(network, {}).get("untrained")
        if untrained is not None:
            marks.append(_sign(untrained))
            text += f", against the untrained network {_text(untrained)}"
        evidence.append(text)
    return Verdict(
        "The layers mine strong correlation: C > 0, and more than before training",
        "C > 0 in every layer (Figs. 6 and 7)",
        combined(marks, complete=len(own) == len(_TITLES)),
        _counted(marks),
        tuple(evidence),
        _COMMAND,
    )


def _growing(claim: str, data: str, own: Mapping[str, Mapping[str, Any]]) -> Verdict:
    evidence, marks, growths = [], [], []
    for _, layer, network in _layers({data: own[data]} if data in own else {}):
        growth = layer["growth"].get(network)
        if growth is not None:
            marks.append(_sign(growth))
            growths.append(f"{growth['mean']:+.2f}")
            number = layer["layer"]
            evidence.append(f"layer {number} against layer {number - 1}: C {_text(growth)}")
    figure = {"mnist": "Fig. 6", "cifar10": "Fig. 7"}[data]
    brief = f"C {', '.join(growths)} nats" if growths else ""
    return Verdict(claim, figure, combined(marks), brief, tuple(evidence), _COMMAND)


def _deciding(studies: Mapping[str, Mapping[str, Any]]) -> Verdict:
    evidence, marks = [], []
    for name, study in studies.items():
        for layer in study["layers"]:
            relation = layer["relation"]
            if relation is None:
                continue
            low, high = relation["pearson_low"], relation["pearson_high"]
            clear = relation["p_value"] < _SIGNIFICANT
            marks.append(bool(relation["pearson"] > 0) if clear else None)
            value = f"{relation['pearson']:+.2f} [{low:+.2f}, {high:+.2f}]"
            evidence.append(
                f"{name}, layer {layer['layer']}: correlation of accuracy and C {value} "
                f"over {relation['count']} runs"
            )
    return Verdict(
        "The strong correlation that is mined decides the accuracy",
        "said from Figs. 6 and 7",
        combined(marks),
        _counted(marks),
        tuple(evidence),
        "qimlp analyze RUN RUN ...",
    )


def _counted(marks: Sequence[Mark]) -> str:
    if not marks:
        return ""
    yes, no = marks.count(True), marks.count(False)
    return f"of {len(marks)} comparisons {yes} for it, {no} against, {len(marks) - yes - no} open"


def _layers(own: Mapping[str, Mapping[str, Any]]) -> Iterable[tuple[str, Mapping[str, Any], str]]:
    for data, study in own.items():
        for layer in study["layers"]:
            for network in layer["strong"]:
                yield data, layer, network


def _sign(value: Mapping[str, Any]) -> Mark:
    low, high = value["low"], value["high"]
    return None if _is_single(value) or low <= 0 <= high else bool(low > 0)


def _is_single(value: Mapping[str, Any]) -> bool:
    """One run has an interval without width, which is none."""
    return bool(value.get("count") == 1)


def _text(value: Mapping[str, Any], sign: str = "+") -> str:
    if _is_single(value):
        return f"{value['mean']:{sign}.2f} (one run)"
    return f"{value['mean']:{sign}.2f} [{value['low']:{sign}.2f}, {value['high']:{sign}.2f}]"
