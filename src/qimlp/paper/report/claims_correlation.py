"""The paper's claims on strong correlation, from the comparisons of kept runs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from qimlp.paper.analysis.findings import Comparisons
from qimlp.paper.cells.published import CORRELATION_FIGURES, TITLES
from qimlp.paper.report.judging import Mark, Verdict, combined, is_more
from qimlp.statistics import Estimate

_SIGNIFICANT = 0.05
_COMMAND = "qimlp reproduce --correlation"
_CHANCE = (
    ("untrained", "the untrained network"),
    ("shuffled", "shuffled features"),
    ("permuted", "permuted features"),
    ("random", "a random vector"),
    ("mlp", "the trained MLP"),
)


def correlation_claims(studies: Comparisons) -> list[Verdict]:
    """Judge them.

    Args:
        studies: From `Findings.comparisons`.

    Returns:
        The verdicts.
    """
    own = {data: studies[data] for data in CORRELATION_FIGURES if data in studies}
    return [
        _mined(own),
        _growing("MNIST: strong correlation is larger in the second layer", "mnist", own),
        _growing("CIFAR-10: strong correlation grows from layer to layer", "cifar10", own),
        _deciding(own),
    ]


def _mined(own: Comparisons) -> Verdict:
    """Almost every vector has C > 0, the paper's test; more than before training is ours."""
    evidence, marks = [], []
    for data, layer, network in _layers(own):
        strong = layer["strong"][network]
        text = f"{TITLES[data]}, layer {layer['layer']}: C = {_text(strong, '')}"
        against = layer["against"].get(network, {})
        if "untrained" in against:
            marks.append(_sign(against["untrained"]))
        gaps = [f"{words} {_text(against[name])}" for name, words in _CHANCE if name in against]
        evidence.append(f"{text}{'; against ' if gaps else ''}{', '.join(gaps)}")
    return Verdict(
        "The layers mine strong correlation: more of it than before training",
        "C > 0 in every layer (Figs. 6 and 7)",
        combined(marks, complete=len(own) == len(CORRELATION_FIGURES)),
        _counted(marks),
        (*evidence, "C > 0 is no evidence: almost every vector has it") if marks else (),
        _COMMAND,
    )


def _growing(claim: str, data: str, own: Comparisons) -> Verdict:
    evidence, marks, growths = [], [], []
    for _, layer, network in _layers({data: own[data]} if data in own else {}):
        growth = layer["growth"].get(network)
        if growth is not None:
            marks.append(_sign(growth))
            growths.append(_text(growth))
            number = layer["layer"]
            evidence.append(f"layer {number} against layer {number - 1}: C {_text(growth)}")
    brief = f"C {', '.join(growths)} nats" if growths else ""
    return Verdict(
        claim, CORRELATION_FIGURES[data], combined(marks), brief, tuple(evidence), _COMMAND
    )


def _deciding(own: Comparisons) -> Verdict:
    """Of several kinds of network only what holds within a kind counts: size raises both."""
    evidence, marks = [], []
    for data, study in own.items():
        for layer in study["layers"]:
            several = len(layer["strong"]) > 1
            where = f"{TITLES[data]}, layer {layer['layer']}: correlation of accuracy and C"
            pooled, within = layer["relation"], layer.get("within")
            judged = within if several else pooled
            if judged is not None:
                clear = judged["p_value"] < _SIGNIFICANT
                marks.append(bool(judged["pearson"] > 0) if clear else None)
            elif pooled is not None:
                marks.append(None)
            if pooled is not None:
                evidence.append(f"{where} {_relation_text(pooled)}")
            if several and pooled is not None:
                told = "too few runs" if within is None else _relation_text(within)
                evidence.append(f"{where} within networks of one rank: {told}")
    return Verdict(
        "The strong correlation that is mined decides the accuracy",
        "said from Figs. 6 and 7",
        combined(marks),
        f"{_counted(marks)}, within networks of one rank" if marks else "",
        tuple(evidence),
        _COMMAND,
    )


def _relation_text(relation: Mapping[str, Any]) -> str:
    low, high = relation["pearson_low"], relation["pearson_high"]
    return f"{relation['pearson']:+.2f} [{low:+.2f}, {high:+.2f}] over {relation['count']} runs"


def _counted(marks: Sequence[Mark]) -> str:
    if not marks:
        return ""
    yes, no = marks.count(True), marks.count(False)
    return f"of {len(marks)} comparisons {yes} for it, {no} against, {len(marks) - yes - no} open"


def _layers(own: Comparisons) -> Iterable[tuple[str, Mapping[str, Any], str]]:
    """The layers of the paper's network, of rank 1; higher ranks are not in its figures."""
    for data, study in own.items():
        for layer in study["layers"]:
            for network in layer["strong"]:
                if "rank" not in network:
                    yield data, layer, network


def _sign(value: Mapping[str, Any]) -> Mark:
    return is_more(_estimate(value))


def _text(value: Mapping[str, Any], sign: str = "+") -> str:
    known = _estimate(value)
    if known.half_width is None:
        return f"{known.mean:{sign}.2f} (one run)"
    return f"{known.mean:{sign}.2f} [{known.low:{sign}.2f}, {known.high:{sign}.2f}]"


def _estimate(value: Mapping[str, Any]) -> Estimate:
    return Estimate(**{field.name: value[field.name] for field in fields(Estimate)})
