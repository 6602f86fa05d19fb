"""Runs side by side as a table and in one plain answer per network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qimlp.correlation import BASELINES, Relation, verdict, word_list
from qimlp.statistics import Estimate

MARKS = {"more": "▲", "less": "▼", "no clear difference": "≈"}
HOW_TO_READ_MARKS = (
    "▲ more, ▼ less, ≈ no clear difference; in brackets 95 % intervals over the runs"
)

_CLEAR = 0.05

#: What chance alone gives, in the order of the sentence.
_CHANCE = {
    "random": "a random vector",
    "permuted": "its own features permuted across bodies",
    "shuffled": "its own features shuffled between samples",
}


@dataclass(frozen=True)
class LayerOverRuns:
    """One layer, counted from the input, over runs.

    Attributes:
        layer: Its number, from 1.
        strong: For each network the mean C over its seeds, with Student's interval.
        growth: For each network C minus that of the layer before, over its seeds.
        against: For each network and baseline the difference in C, over its seeds.
        relation: Of mean C and accuracy over all runs; None with fewer than four.
        within: The same within networks of one kind, where there are several kinds; None with
            fewer than four runs that are not alone of their kind.
    """

    layer: int
    strong: dict[str, Estimate]
    growth: dict[str, Estimate]
    against: dict[str, dict[str, Estimate]]
    relation: Relation | None
    within: Relation | None


@dataclass(frozen=True)
class LayerTable:
    """C of one network's layers, and how it stands against everything else.

    Attributes:
        network: Name of the network.
        runs: Number of seeds.
        columns: Headings: what is compared, then one per layer.
        rows: As many texts each.
    """

    network: str
    runs: int
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def layer_table(network: str, layers: Sequence[LayerOverRuns], unit: str) -> LayerTable:
    """Put a network's layers into a table.

    Args:
        network: One with two runs or more.
        layers: All layers; the network may have fewer.
        unit: Of entropies.

    Returns:
        The table; rows that would be empty are left out.
    """
    own = [layer for layer in layers if network in layer.strong]
    runs = own[0].strong[network].count
    rows = [(f"C ({unit})", *(interval(layer.strong[network]) for layer in own))]
    compared = {"the layer before": [layer.growth.get(network) for layer in own]}
    for name, text in BASELINES.items():
        compared[text] = [layer.against.get(network, {}).get(name) for layer in own]
    rows += [
        (f"C minus that of {text}", *("" if e is None else _marked(e) for e in estimates))
        for text, estimates in compared.items()
        if any(e is not None for e in estimates)
    ]
    columns = ("", *(f"layer {layer.layer}" for layer in own))
    return LayerTable(network, runs, columns, tuple(rows))


def layer_answer(network: str, layers: Sequence[LayerOverRuns]) -> str:
    """Answer: does the second layer hold more than the first, and more than chance?

    Args:
        network: One with two runs or more.
        layers: All layers; the network may have fewer.

    Returns:
        The question and its answer, then how it stands to other networks and over all layers.
    """
    own = [layer for layer in layers if network in layer.strong]
    of = f"({network}, {own[0].strong[network].count} runs)"
    asked = own[min(1, len(own) - 1)]
    against = asked.against.get(network, {})
    chance = _against_chance({n: against[n] for n in _CHANCE if n in against})
    if len(own) > 1:
        question = f"Does the second layer hold more than the first, and more than chance {of}?"
        answer = [_holds(asked.growth[network], "the first"), *chance]
    else:
        question, answer = f"Does the layer hold more than chance {of}?", chance
    others = {"untrained": "the same network untrained"} | {
        name: BASELINES[name] for name in ("mlp", "control", "untrained_mlp")
    }
    rest = [_holds(against[name], what) for name, what in others.items() if name in against]
    sentences = [f"{question} It holds {word_list(answer)}."]
    if rest:
        sentences.append(f"It holds {word_list(rest)}.")
    if len(own) > 2:
        sentences.append(_steps(own, network))
    return " ".join(sentences)


def relation_answer(layers: Sequence[LayerOverRuns], runs: Mapping[str, int]) -> str:
    """Answer: does accuracy go with C?

    Args:
        layers: All layers.
        runs: Runs of each network.

    Returns:
        One sentence, and where networks of several kinds are compared, what holds within them.
    """
    total = sum(runs.values())
    related = _by_layer({layer.layer: layer.relation for layer in layers})
    if not related:
        return f"Whether accuracy goes with C cannot be said from {total} runs: four are needed."
    of = ", ".join(f"{count} of {network}" for network, count in runs.items())
    answer = (
        f"Does accuracy go with C? Over {total} runs ({of}) {related} "
        "(Pearson's correlation, 95 % bootstrap interval, p of a permutation test)."
    )
    if len(runs) == 1:
        return answer
    within = _by_layer({layer.layer: layer.within for layer in layers})
    return (
        f"{answer} These networks differ in more than C: what goes with it over all of them may "
        "go with their size. "
        + (
            f"With each kind's means taken out {within}."
            if within
            else "There are too few runs of one kind to tell."
        )
    )


def _by_layer(relations: Mapping[int, Relation | None]) -> str:
    parts = [
        f"in layer {number} {_related(relation)}"
        for number, relation in relations.items()
        if relation is not None
    ]
    return word_list(parts) if parts else ""


def interval(value: Estimate, sign: str = "") -> str:
    """Write a mean with its interval.

    Args:
        value: The estimate.
        sign: `"+"` to write a plus.

    Returns:
        Text such as `1.46 [1.32, 1.60]`.
    """
    return f"{value.mean:{sign}.2f} [{value.low:{sign}.2f}, {value.high:{sign}.2f}]"


def _marked(difference: Estimate) -> str:
    return f"{MARKS[verdict(difference)]} {interval(difference, '+')}"


def _holds(difference: Estimate, what: str) -> str:
    found = verdict(difference)
    words = {"more": "more than", "less": "less than"}.get(found, "about as much as")
    return f"{words} {what} ({difference.mean:+.2f})"


def _against_chance(found: Mapping[str, Estimate]) -> list[str]:
    groups: dict[str, list[str]] = {}
    for name, difference in found.items():
        groups.setdefault(verdict(difference), []).append(
            f"{_CHANCE[name]} ({difference.mean:+.2f})"
        )
    words = {"more": "more than chance:", "less": "less than chance:"}
    return [
        f"{words.get(each, 'about as much as')} {word_list(members)}"
        for each, members in groups.items()
    ]


def _steps(own: Sequence[LayerOverRuns], network: str) -> str:
    found = [verdict(layer.growth[network]) for layer in own[1:]]
    return (
        f"Of the {len(found)} steps from layer to layer C clearly rises in {found.count('more')} "
        f"and clearly falls in {found.count('less')}."
    )


def _related(relation: Relation) -> str:
    numbers = (
        f"{relation.pearson:+.2f} [{relation.pearson_low:+.2f}, {relation.pearson_high:+.2f}], "
        f"{relation.p_words}"
    )
    if relation.p_value >= _CLEAR:
        return f"there is no clear relation ({numbers})"
    return f"it {'rises' if relation.pearson > 0 else 'falls'} with C ({numbers})"
