"""From numbers to a verdict: what an interval says, and what several say together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from qimlp.paper.campaign.summary import Summary
from qimlp.statistics import Estimate, difference

HOLDS, IN_PART, FAILS = "holds", "holds in part", "does not hold here"
UNDECIDED, OPEN = "undecided", "not run"
VERDICTS = (HOLDS, IN_PART, FAILS, UNDECIDED, OPEN)

LEVEL_WITHIN = 0.01
"""Accuracies that differ by at most this are called similar; the paper's own differ by 0.004."""

Mark: TypeAlias = bool | None
"""Whether one comparison bears a claim out; None where its interval allows both."""


@dataclass(frozen=True)
class Verdict:
    """One claim and what the numbers say.

    Attributes:
        claim: In the paper's sense.
        published: The paper's numbers.
        verdict: One of `VERDICTS`.
        brief: The numbers here, in a few words.
        evidence: The numbers, one line per comparison.
        command: Runs the cells it rests on.
    """

    claim: str
    published: str
    verdict: str
    brief: str
    evidence: tuple[str, ...]
    command: str


def combined(marks: Sequence[Mark], *, complete: bool = True) -> str:
    """Put the marks of a claim together.

    Args:
        marks: Of the comparisons that could be made.
        complete: Whether all could; if not, a claim holds in part at most.

    Returns:
        A verdict. Comparisons that decide nothing do not bear a claim out: beside others that do,
        it holds in part.
    """
    if not marks:
        return OPEN
    if True in marks:
        return HOLDS if complete and all(marks) else IN_PART
    return FAILS if False in marks else UNDECIDED


def is_more(gap: Estimate) -> Mark:
    """Whether a difference is above zero.

    Args:
        gap: The difference.

    Returns:
        None where there is no interval or it covers zero.
    """
    if gap.half_width is None or gap.low <= 0 <= gap.high:
        return None
    return gap.low > 0


def is_less(gap: Estimate) -> Mark:
    """Whether a difference is below zero.

    Args:
        gap: The difference.

    Returns:
        None where there is no interval or it covers zero.
    """
    more = is_more(gap)
    return None if more is None else not more


def is_level(gap: Estimate) -> Mark:
    """Whether a difference is at most `LEVEL_WITHIN`, to either side.

    Args:
        gap: The difference.

    Returns:
        None where there is no interval or it allows both.
    """
    if gap.half_width is None:
        return None
    if gap.low >= -LEVEL_WITHIN and gap.high <= LEVEL_WITHIN:
        return True
    return False if gap.low > LEVEL_WITHIN or gap.high < -LEVEL_WITHIN else None


def is_no_gain(gap: Estimate) -> Mark:
    """Whether a difference is at most `LEVEL_WITHIN` above zero.

    Args:
        gap: The difference.

    Returns:
        None where there is no interval or it allows both.
    """
    if gap.half_width is None:
        return None
    if gap.high <= LEVEL_WITHIN:
        return True
    return False if gap.low > LEVEL_WITHIN else None


def compare(first: Summary, second: Summary) -> Estimate | None:
    """How much more accurate one variant is than another.

    Args:
        first: A variant.
        second: Another.

    Returns:
        The difference of test accuracies; None where one was not run.
    """
    if not first.entries or not second.entries:
        return None
    return difference(first.accuracies, second.accuracies)


def gap_text(first: Summary, second: Summary) -> str:
    """Write how two variants compare.

    Args:
        first: A variant.
        second: Another.

    Returns:
        Both means, and where both were run the difference with its interval, or why it has none.
    """
    both = f"{text_of(first.test)} against {text_of(second.test)}"
    gap = compare(first, second)
    if gap is None:
        return both
    known = max(len(first.entries), len(second.entries))
    if known == 1:
        note = " (one seed each: no interval)"
    elif gap.count == 1:
        note = " (one seed on one side)"
    else:
        note = ""
    return f"{both}, difference {text_of(gap, signed=True)}{note}"


def gaps_text(gaps: Sequence[Estimate | None]) -> str:
    """Write several differences side by side.

    Args:
        gaps: Differences; None where there is none.

    Returns:
        Text such as `+0.0120 ± 0.0010; not run`, empty where there is none at all.
    """
    texts = [text_of(gap, signed=True) for gap in gaps]
    return "; ".join(texts) if any(gap is not None for gap in gaps) else ""


def text_of(value: Estimate | None, *, signed: bool = False, wanted: int = 0) -> str:
    """Write an estimate.

    Args:
        value: The estimate.
        signed: Whether a plus is written, and no number of seeds.
        wanted: Number of seeds that there should be.

    Returns:
        Text such as `0.9812 ± 0.0005 (5)`, `0.9812 (1 of 5)` or `not run`.
    """
    if value is None:
        return OPEN
    number = f"{value.mean:+.4f}" if signed else f"{value.mean:.4f}"
    width = "" if value.half_width is None else f" ± {value.half_width:.4f}"
    seeds = f"{value.count} of {wanted}" if value.count < wanted else f"{value.count}"
    return f"{number}{width}" + ("" if signed else f" ({seeds})")
