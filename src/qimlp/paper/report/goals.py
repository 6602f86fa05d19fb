"""The accuracies that this project set out to reach, and whether it does."""

from qimlp.paper.campaign.summary import Summaries, Summary
from qimlp.paper.cells.published import WANTED
from qimlp.paper.report.judging import compare, is_less, text_of
from qimlp.paper.report.render import Table
from qimlp.paper.report.variant_texts import count_text, published_text
from qimlp.statistics import Estimate

_LEVEL_WITH = {"mnist/2b-rank4": ("mlp",), "imdb/2b-best": ("mlp", "linear")}
"""Networks that are to be no worse than properly trained dense ones on the same input."""

_NOISE = 0.003
"""Accuracy that a test set of 10,000 (at 0.98) or 25,000 examples does not tell apart itself."""

_TRIED = {
    "mnist/2b": "rates, label smoothing, weight decay, orders of pixels (image-recipes.md)",
    "mnist/4b": "orders of pixels, rates to 0.08, six starts, two optimizers (image-recipes.md); "
    "a dense bias reaches more",
    "20newsgroups/2b-best": "five layers, which learn the 9,051 posts by heart, one layer from "
    "random factors, and one near ridge regression or support vector machines (text-recipes.md)",
    "imdb/2b-best": "ranks to 64, depths, decay, a linear start, dev sets that share no films with "
    "the train part (text-recipes.md)",
}
"""What stands behind a figure that is not reached."""


def goal_table(found: Summaries) -> Table:
    """Wanted beside reached, our recipe, dev-selected.

    Args:
        found: Summaries of all variants.

    Returns:
        One row per network.
    """
    rows = []
    for network in [*WANTED, "imdb/2b-best", "cifar10/mlp"]:
        data, name = network.split("/", 1)
        summary = found[f"{network}/tuned"]
        rows.append(
            (
                f"{data} {name}",
                count_text(summary),
                published_text(data, name),
                _wanted(network),
                text_of(summary.test),
                "; ".join(_outcome(found, network, summary)),
            )
        )
    return Table(("network", "parameters", "published", "wanted", "here", "outcome"), tuple(rows))


def _wanted(network: str) -> str:
    parts = [f"{WANTED[network]}"] if network in WANTED else []
    parts += [f"not below {dense}" for dense in _LEVEL_WITH.get(network, ())]
    return ", ".join(parts) or "measured"


def _outcome(found: Summaries, network: str, summary: Summary) -> list[str]:
    if summary.test is None:
        return ["not run"]
    parts, missed = [], False
    if network in WANTED:
        lacking = WANTED[network] - round(summary.test.mean, 4)
        missed = lacking > 0
        parts.append(f"missed by {lacking:.4f}" if missed else "reached")
    for dense in _LEVEL_WITH.get(network, ()):
        gap = compare(summary, found[f"{summary.variant.data}/{dense}/tuned"])
        if gap is None:
            parts.append(f"{dense} not run")
        else:
            parts.append(f"{_beside(dense, gap)}, {text_of(gap, signed=True)}")
            missed = missed or not _is_level(gap)
    if missed and network in _TRIED:
        parts.append(f"tried: {_TRIED[network]}")
    return parts or ["measured"]


def _beside(dense: str, gap: Estimate) -> str:
    below = is_less(gap)
    if below is not None:
        return f"below {dense}" if below else f"above {dense}"
    return f"level with {dense}" if _is_level(gap) else f"not shown to be level with {dense}"


def _is_level(gap: Estimate) -> bool:
    """Whether a network is shown to be above, or below by no more than noise of the test set."""
    return gap.half_width is not None and gap.low > -_NOISE
