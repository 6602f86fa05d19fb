"""The paper's claims, and whether they hold here."""

from dataclasses import dataclass

from qimlp.experiments.intervals import Estimate, difference
from qimlp.experiments.published import ACCURACY, PARAMETERS
from qimlp.experiments.summary import Summaries, Summary

HOLDS, IN_PART, FAILS, OPEN = "holds", "holds in part", "does not hold here", "not run"
_COLUMN_NAMES = {"paper": "paper settings", "tuned": "our recipe"}


@dataclass(frozen=True)
class Verdict:
    """One claim and what the numbers say.

    Attributes:
        claim: In the paper's sense.
        published: The paper's numbers.
        verdict: ``"holds"``, ``"holds in part"``, ``"does not hold here"`` or ``"not run"``.
        evidence: The numbers, one line per column.
        command: Runs the cells it rests on.
    """

    claim: str
    published: str
    verdict: str
    evidence: tuple[str, ...]
    command: str


def verdicts(found: Summaries) -> list[Verdict]:
    """Judge every claim.

    Args:
        found: Summaries of all variants.

    Returns:
        The verdicts.
    """
    return [
        _better(found, "mnist", "2b", "MNIST: two bodies are far better than the classic MLP."),
        _similar(found, "mnist", "3b", "MNIST: three bodies are similar to the classic MLP."),
        _worse(found, "mnist", "4b", "MNIST: four bodies are not as good as the classic MLP."),
        _better(found, "cifar10", "2b", "CIFAR-10: two bodies are better than the classic MLP."),
        _similar(found, "cifar10", "3b", "CIFAR-10: three bodies are similar to the classic MLP."),
        _worse(found, "cifar10", "4b", "CIFAR-10: four bodies are not as good as the classic MLP."),
        _better(found, "imdb", "2b", "IMDb: two bodies are better than the classic MLP."),
        _similar(found, "imdb", "3b", "IMDb: three bodies are similar to the classic MLP."),
        _better(found, "20newsgroups", "2b", "20 Newsgroups: two bodies beat the classic MLP."),
        _similar(found, "20newsgroups", "3b", "20 Newsgroups: three bodies are similar to it."),
        _compression(found),
        _copies(found, "mnist", "MNIST: more copies k improve the accuracy.", rising=True),
        _copies(found, "cifar10", "CIFAR-10: more copies k do not improve it.", rising=False),
        _slower(found),
    ]


def _better(found: Summaries, data: str, network: str, claim: str) -> Verdict:
    return _against_mlp(found, data, network, claim, "better")


def _similar(found: Summaries, data: str, network: str, claim: str) -> Verdict:
    return _against_mlp(found, data, network, claim, "similar")


def _worse(found: Summaries, data: str, network: str, claim: str) -> Verdict:
    return _against_mlp(found, data, network, claim, "worse")


def _against_mlp(found: Summaries, data: str, network: str, claim: str, relation: str) -> Verdict:
    """Compare with the MLP of the same column; the properly trained one has the last word."""
    evidence, marks = [], []
    for column, words in _COLUMN_NAMES.items():
        first, second = found[f"{data}/{network}/{column}"], found[f"{data}/mlp/{column}"]
        if not first.entries or not second.entries:
            half = f"{text_of(first.test)} against {text_of(second.test)}"
            known = first.entries or second.entries
            evidence.append(f"{words}: {half if known else 'not run'}")
            continue
        gap = difference(first.accuracies, second.accuracies)
        marks.append(_fits(gap, relation))
        evidence.append(
            f"{words}: {text_of(first.test)} against {text_of(second.test)}, "
            f"difference {text_of(gap, signed=True)}"
        )
    published = f"{ACCURACY[f'{data}/{network}']:.4f} against {ACCURACY[f'{data}/mlp']:.4f}"
    command = f"qimlp reproduce --only {data}"
    return Verdict(claim, published, _combined(marks), tuple(evidence), command)


_LEVEL_WITHIN = 0.01


def _fits(gap: Estimate, relation: str) -> bool:
    low = gap.mean if gap.low is None else gap.low
    high = gap.mean if gap.high is None else gap.high
    if relation == "better":
        return low > 0
    if relation == "worse":
        return high < 0
    return abs(gap.mean) <= _LEVEL_WITHIN


def _combined(marks: list[bool]) -> str:
    if not marks:
        return OPEN
    if all(marks):
        return HOLDS if len(marks) == len(_COLUMN_NAMES) else IN_PART
    return IN_PART if any(marks) else FAILS


def _compression(found: Summaries) -> Verdict:
    evidence, marks = [], []
    for data, networks in (("mnist", ("2b", "3b", "4b")), ("cifar10", ("2b", "3b", "4b"))):
        dense = PARAMETERS[f"{data}/mlp"]
        for network in networks:
            counts = {
                summary.parameters
                for column in _COLUMN_NAMES
                if (summary := found[f"{data}/{network}/{column}"]).entries
            }
            for count in counts - {None}:
                ratio = dense / (count or 1)
                marks.append(ratio > 200)
                evidence.append(f"{data} {network}: {count:,}, {ratio:,.0f} times fewer")
    verdict = OPEN if not marks else HOLDS if all(marks) else FAILS
    return Verdict(
        "More than 200 times fewer parameters than the classic MLP of the same widths.",
        "359 to 3,470 times (MNIST), 994 to 19,058 times (CIFAR-10)",
        verdict,
        tuple(evidence),
        "qimlp reproduce --list",
    )


def _copies(found: Summaries, data: str, claim: str, *, rising: bool) -> Verdict:
    evidence, marks = [], []
    for column, words in _COLUMN_NAMES.items():
        for network in ("2b", "3b"):
            first = found[f"{data}/{network}/{column}"]
            more = [
                found[name]
                for rank in (2, 3, 4)
                if (name := f"{data}/{network}-rank{rank}/{column}") in found
            ]
            best = _best(more)
            if not first.entries or best is None:
                continue
            gap = difference(best.accuracies, first.accuracies)
            marks.append(_fits(gap, "better") == rising)
            evidence.append(
                f"{words}, {network}: k = 1 {text_of(first.test)}, "
                f"best of more {text_of(best.test)} ({best.variant.network})"
            )
    verdict = OPEN if not marks else HOLDS if all(marks) else IN_PART if any(marks) else FAILS
    published = "2b 0.976 to 0.983, 3b 0.951 to 0.973" if rising else "2b 0.66 to 0.64, 3b level"
    command = f"qimlp reproduce --only {data} --cells rank"
    return Verdict(claim, published, verdict, tuple(evidence), command)


def _best(found: list[Summary]) -> Summary | None:
    run = [(summary.test.mean, i) for i, summary in enumerate(found) if summary.test is not None]
    return found[max(run)[1]] if run else None


def _slower(found: Summaries) -> Verdict:
    """The authors rebuild the weight in every forward pass; these layers never build it."""
    evidence, marks = [], []
    for data in ("mnist", "cifar10"):
        times = {
            network: step_ms(found[f"{data}/{network}/paper"])
            for network in ("mlp", "2b", "3b", "4b")
        }
        dense = times.pop("mlp")
        for network, time in times.items():
            if dense is not None and time is not None:
                marks.append(time > dense)
                evidence.append(
                    f"{data} {network}: {time:.2f} ms a step against {dense:.2f} ms, "
                    f"{time / dense:.2f} times"
                )
    verdict = OPEN if not marks else HOLDS if all(marks) else IN_PART if any(marks) else FAILS
    return Verdict(
        "Training takes longer than the classic MLP's (appendix, Tables 1 and 2).",
        "1.05 to 1.18 times as long",
        verdict,
        tuple(evidence),
        "qimlp reproduce --cells paper",
    )


def step_ms(summary: Summary) -> float | None:
    """Milliseconds of a training step: the least of the seeds' medians.

    Args:
        summary: Of a variant.

    Returns:
        The time; None where nothing was run.
    """
    times = [entry.seconds_per_step for entry in summary.entries if entry.seconds_per_step]
    return min(times) * 1e3 if times else None


def text_of(value: Estimate | None, *, signed: bool = False) -> str:
    """Write an estimate.

    Args:
        value: The estimate.
        signed: Whether a plus is written.

    Returns:
        Text such as ``0.9812 ± 0.0005 (5)``, or ``not run``.
    """
    if value is None:
        return "not run"
    number = f"{value.mean:+.4f}" if signed else f"{value.mean:.4f}"
    width = "" if value.half_width is None else f" ± {value.half_width:.4f}"
    return f"{number}{width}" + ("" if signed else f" ({value.count})")
