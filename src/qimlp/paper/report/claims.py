"""What the paper's text claims, and whether it holds here."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from qimlp.paper.campaign.summary import Summaries, Summary
from qimlp.paper.cells.published import ACCURACY, TITLES
from qimlp.paper.report.claims_correlation import correlation_claims
from qimlp.paper.report.claims_cost import cost_claims
from qimlp.paper.report.judging import (
    FAILS,
    OPEN,
    Mark,
    Verdict,
    combined,
    compare,
    gap_text,
    gaps_text,
    is_less,
    is_level,
    is_more,
    is_no_gain,
    text_of,
)
from qimlp.statistics import Estimate

COLUMNS = {"paper": "paper settings", "tuned": "our recipe"}


def verdicts(found: Summaries, studies: Mapping[str, Mapping[str, Any]]) -> list[Verdict]:
    """Judge every claim.

    Args:
        found: Summaries of all variants.
        studies: Comparisons of runs by their folder's name, from `qimlp reproduce --correlation`.

    Returns:
        The verdicts, in the paper's order; last the comparison at equal parameters, which it lacks.
    """
    return [
        _against_mlp(found, "mnist/2b", "MNIST: two bodies are far better than the MLP", is_more),
        _against_mlp(found, "mnist/3b", "MNIST: three bodies are similar to the MLP", is_level),
        _against_mlp(found, "mnist/4b", "MNIST: four bodies are not as good as the MLP", is_less),
        _against_mlp(found, "cifar10/2b", "CIFAR-10: two bodies are better than the MLP", is_more),
        _against_mlp(found, "cifar10/3b", "CIFAR-10: three bodies are similar to it", is_level),
        _against_mlp(found, "cifar10/4b", "CIFAR-10: four bodies are not as good", is_less),
        *cost_claims(found),
        _copies(
            found,
            "MNIST: more copies k improve two and three bodies",
            "2b 0.976 to 0.982, 3b 0.951 to 0.973",
            {"mnist/2b": "2b", "mnist/3b": "3b"},
            is_more,
        ),
        _copies(
            found,
            "MNIST: more copies k hardly improve four bodies",
            "4b 0.939 to 0.942",
            {"mnist/4b": "4b-dense-bias"},
            is_no_gain,
        ),
        _copies(
            found,
            "CIFAR-10: more copies k do not improve accuracy",
            "2b 0.66 to 0.64, 3b level at 0.54, 4b 0.52 to 0.56",
            {"cifar10/2b": "2b", "cifar10/3b": "3b", "cifar10/4b": "4b"},
            is_no_gain,
        ),
        _too_few(found),
        *correlation_claims(studies),
        _against_mlp(
            found, "imdb/2b", "IMDb: two bodies are better than the MLP", is_more, _encoder(found)
        ),
        _against_mlp(
            found, "imdb/3b", "IMDb: three bodies are similar to the MLP", is_level, _encoder(found)
        ),
        _against_mlp(found, "20newsgroups/2b", "20 Newsgroups: two bodies are better", is_more),
        _against_mlp(found, "20newsgroups/3b", "20 Newsgroups: three bodies are similar", is_level),
        *(_at_equal_parameters(found, data) for data in TITLES),
    ]


def _encoder(found: Summaries) -> str:
    encoders = found["imdb/2b/tuned"].encoder or found["imdb/2b/paper"].encoder
    return f"frozen {encoders}, not the paper's fine-tuned BERT" if encoders else ""


def _against_mlp(
    found: Summaries,
    network: str,
    claim: str,
    judge: Callable[[Estimate], Mark],
    setting: str = "",
) -> Verdict:
    """Compare with the MLP of the same column; `setting` says where it differs from the paper's."""
    data = network.split("/", 1)[0]
    evidence, marks, gaps = [], [], []
    for column, words in COLUMNS.items():
        first, second = found[f"{network}/{column}"], found[f"{data}/mlp/{column}"]
        gap = compare(first, second)
        gaps.append(gap)
        if gap is not None:
            marks.append(judge(gap))
        known = first.entries or second.entries
        evidence.append(f"{words}: {gap_text(first, second) if known else OPEN}")
    published = f"{ACCURACY[network]:.4f} against {ACCURACY[f'{data}/mlp']:.4f}"
    verdict = combined(marks, complete=len(marks) == len(COLUMNS))
    brief = "".join((gaps_text(gaps), _direction(verdict, gaps), setting and f" ({setting})"))
    command = f"qimlp reproduce --only {data}"
    return Verdict(claim, published, verdict, brief, tuple(evidence), command)


def _direction(verdict: str, gaps: Sequence[Estimate | None]) -> str:
    """To which side a claim fails."""
    sides = {is_more(gap) for gap in gaps if gap is not None} - {None}
    if verdict != FAILS or len(sides) != 1:
        return ""
    return ": more accurate" if sides == {True} else ": less accurate"


def _copies(
    found: Summaries,
    claim: str,
    published: str,
    bases: Mapping[str, str],
    judge: Callable[[Estimate], Mark],
) -> Verdict:
    """Compare the most copies that were run with one copy; not the best, which would be luck."""
    evidence, marks, briefs = [], [], []
    for column, words in COLUMNS.items():
        for network, base in bases.items():
            data, model = network.split("/", 1)
            one = found[f"{data}/{base}/{column}"]
            more = _most_copies(found, network, column)
            gap = None if more is None else compare(more, one)
            if more is not None and gap is not None:
                marks.append(judge(gap))
                briefs.append(f"{model} {text_of(gap, signed=True)} ({words})")
                rank = more.variant.network.rpartition("rank")[2]
                evidence.append(f"{words}, {model}, k = {rank} against 1: {gap_text(more, one)}")
    data = next(iter(bases)).split("/", 1)[0]
    complete = len(marks) == len(COLUMNS) * len(bases)
    command = f'qimlp reproduce --only {data} --cells "{data}/[234]b*"'
    verdict = combined(marks, complete=complete)
    return Verdict(claim, published, verdict, ", ".join(briefs), tuple(evidence), command)


def _most_copies(found: Summaries, network: str, column: str) -> Summary | None:
    names = (f"{network}-rank{rank}/{column}" for rank in (4, 3, 2))
    return next((found[name] for name in names if name in found and found[name].entries), None)


# One copy against the most that the paper has, the bias and the order of pixels the same. (MNIST's
# four bodies have copies with a dense bias only.)
_LARGER = (
    ("mnist/3b", "mnist/3b-rank4"),
    ("mnist/4b-dense-bias", "mnist/4b-rank4"),
    ("cifar10/3b", "cifar10/3b-rank3"),
    ("cifar10/4b", "cifar10/4b-rank3"),
)


def _too_few(found: Summaries) -> Verdict:
    """The paper's reason; more copies on the same bodies must then help."""
    evidence, marks, gaps = [], [], []
    for column, words in COLUMNS.items():
        for small, large in _LARGER:
            few, many = found[f"{small}/{column}"], found[f"{large}/{column}"]
            gap = compare(many, few)
            if gap is not None:
                gaps.append(gap.mean)
                marks.append(is_more(gap))
                counts = f"{many.parameters:,} against {few.parameters:,} parameters"
                evidence.append(f"{words}, {small}, {counts}: {gap_text(many, few)}")
    return Verdict(
        "Three and four bodies are held back by too few parameters",
        "the reason given for 0.9510, 0.9394 and 0.5434, 0.5189",
        combined(marks, complete=len(marks) == len(COLUMNS) * len(_LARGER)),
        f"{min(gaps):+.4f} to {max(gaps):+.4f} with more of them" if gaps else "",
        tuple(evidence),
        'qimlp reproduce --cells "*/[34]b*"',
    )


def _at_equal_parameters(found: Summaries, data: str) -> Verdict:
    """Not the paper's claim, but what it takes for granted: its networks against ordinary ones."""
    evidence, marks, briefs = [], [], []
    for name, control in found.items():
        kind, _, model = control.variant.network.partition("-mlp-as-")
        if control.variant.data != data or not model:
            continue
        own = found[f"{data}/{model}/{control.variant.column}"]
        gap = compare(own, control)
        if gap is not None:
            marks.append(is_more(gap))
            briefs.append(f"{model} against {kind} {text_of(gap, signed=True)}")
            evidence.append(f"{model} against {name.split('/')[1]}: {gap_text(own, control)}")
    return Verdict(
        f"{TITLES[data]}: better than ordinary networks of as many parameters",
        "not compared",
        combined(marks),
        "; ".join(briefs),
        tuple(evidence),
        f'qimlp reproduce --only {data} --cells "*/tuned"',
    )
