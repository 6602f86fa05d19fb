"""The paper's claims on parameters, time and memory."""

from dataclasses import dataclass
from itertools import pairwise
from statistics import median, median_low

from qimlp.paper.campaign.summary import Summaries, Summary
from qimlp.paper.cells.control_widths import dense_count
from qimlp.paper.cells.counts import count_published
from qimlp.paper.cells.published import COST
from qimlp.paper.report.judging import Mark, Verdict, combined
from qimlp.shapes import PAPER_WIDTHS
from qimlp.training import format_bytes

# Networks with the bias that gives the published count; texts, where none is published: dense.
_BIASES = {
    "mnist": {2: "kronecker", 3: "kronecker", 4: "kronecker"},
    "cifar10": {2: "dense", 3: "dense", 4: "kronecker"},
    "imdb": {2: "dense", 3: "dense"},
    "20newsgroups": {2: "dense", 3: "dense"},
}
_TIMES = 200


def cost_claims(found: Summaries) -> list[Verdict]:
    """Judge them.

    Args:
        found: Summaries of all variants.

    Returns:
        The verdicts.
    """
    return [_compression(), _more_bodies(), _slower(found), _memory(found)]


def _ratios() -> dict[str, dict[int, float]]:
    """How many times fewer parameters than the MLP of the same widths, by arithmetic."""
    return {
        data: {
            bodies: dense_count(PAPER_WIDTHS[data]) / count_published(data, bodies, bias)
            for bodies, bias in biases.items()
        }
        for data, biases in _BIASES.items()
    }


def _compression() -> Verdict:
    ratios = _ratios()
    all_ratios = [ratio for by_bodies in ratios.values() for ratio in by_bodies.values()]
    evidence = [
        f"{data}: " + ", ".join(f"{bodies}b {ratio:,.0f}" for bodies, ratio in by_bodies.items())
        for data, by_bodies in ratios.items()
    ]
    return Verdict(
        "More than 200 times fewer parameters than the MLP of the same widths",
        "359 to 3,470 times (MNIST), 994 to 19,058 times (CIFAR-10)",
        combined([ratio > _TIMES for ratio in all_ratios]),
        f"{min(all_ratios):,.0f} to {max(all_ratios):,.0f} times on four data sets",
        (*evidence, "by arithmetic, at the paper's widths (IMDb: the head on 768 features)"),
        "qimlp reproduce --list",
    )


def _more_bodies() -> Verdict:
    """More bodies, fewer parameters: the bias the same."""
    counts = {
        data: [count_published(data, bodies, "kronecker") for bodies in biases]
        for data, biases in _BIASES.items()
    }
    return Verdict(
        "More bodies compress further",
        "3,451, 769, 357 (MNIST); 38,010, 15,014, 1,983 (CIFAR-10)",
        combined([a > b for values in counts.values() for a, b in pairwise(values)]),
        "by arithmetic",
        tuple(
            f"{data}, Kronecker bias: " + ", ".join(f"{count:,}" for count in values)
            for data, values in counts.items()
        ),
        "qimlp reproduce --list",
    )


def _slower(found: Summaries) -> Verdict:
    """The authors rebuild the weight in every forward pass; these layers never build it."""
    evidence, marks, ratios = [], [], []
    for data in ("mnist", "cifar10"):
        times = {network: step_times(found[f"{data}/{network}/paper"]) for network in _NETWORKS}
        dense = times.pop("mlp")
        for network, time in times.items():
            if dense is not None and time is not None:
                marks.append(time.is_more_than(dense))
                ratios.append(time.median / dense.median)
                evidence.append(
                    f"{data} {network}: {time.text} ms a step against {dense.text} ms, "
                    f"{time.median / dense.median:.2f} times"
                )
    return Verdict(
        "Training takes longer than the MLP's (appendix, Tables 1 and 2)",
        "1.05 to 1.18 times as long",
        combined(marks, complete=len(marks) == _COMPARED),
        f"{min(ratios):.2f} to {max(ratios):.2f} times as long" if ratios else "",
        (*evidence, f"{STEP_TIMES}; decided where the ranges do not overlap") if marks else (),
        "qimlp reproduce --only mnist --only cifar10 --cells paper",
    )


def _memory(found: Summaries) -> Verdict:
    evidence, marks = [], []
    for data in ("mnist", "cifar10"):
        bytes_of = {network: step_bytes(found[f"{data}/{network}/paper"]) for network in _NETWORKS}
        known = [(name, size) for name, size in bytes_of.items() if size is not None]
        marks += [before > after for (_, before), (_, after) in pairwise(known)]
        if known:
            sizes = ", ".join(f"{name} {format_bytes(size)}" for name, size in known)
            evidence.append(f"{data}: {sizes}")
    names = ", ".join(f"{COST[f'mnist/{network}'][1]}" for network in _NETWORKS)
    return Verdict(
        "Training takes less memory than the MLP's, and less with more bodies (appendix)",
        f"{names} MiB (MNIST)",
        combined(marks, complete=len(marks) == _COMPARED),
        "; ".join(evidence),
        (*evidence, "of one training step, counted") if marks else (),
        "qimlp reproduce --only mnist --only cifar10 --cells paper",
    )


_NETWORKS = ("mlp", "2b", "3b", "4b")
_COMPARED = 6  # three networks on two data sets


STEP_TIMES = (
    "times of the runs themselves, on one core of shared machines with the kernel of their day: "
    "median (least to most) of the seeds; `python -m benchmarks.training_step` measures side by "
    "side"
)


@dataclass(frozen=True)
class StepTimes:
    """Milliseconds of a training step, over the seeds of a variant: each seed's median.

    Attributes:
        least: Of the seeds.
        median: Of the seeds.
        most: Of the seeds.
    """

    least: float
    median: float
    most: float

    @property
    def text(self) -> str:
        """Text such as `2.39 (1.41 to 6.38)`; of one seed `2.39`."""
        if self.least == self.most:
            return f"{self.median:.2f}"
        return f"{self.median:.2f} ({self.least:.2f} to {self.most:.2f})"

    def is_more_than(self, other: "StepTimes") -> Mark:
        """Whether steps take longer than another variant's.

        Args:
            other: Of the other.

        Returns:
            None where the ranges of the seeds overlap.
        """
        if self.least > other.most:
            return True
        return False if self.most < other.least else None


def step_times(summary: Summary) -> StepTimes | None:
    """Time of a training step.

    Args:
        summary: Of a variant.

    Returns:
        Over the seeds; None where nothing was run.
    """
    times = [entry.seconds_per_step * 1e3 for entry in summary.entries if entry.seconds_per_step]
    return StepTimes(min(times), median(times), max(times)) if times else None


def step_bytes(summary: Summary) -> int | None:
    """Memory of a training step, counted: the same for all seeds with one version of the code.

    Args:
        summary: Of a variant.

    Returns:
        Bytes, the median of the seeds; None where nothing was run.
    """
    counted = [entry.memory_bytes for entry in summary.entries if entry.memory_bytes]
    return median_low(counted) if counted else None
