"""Texts about one variant, as they stand in the cells of tables."""

from qimlp.paper.campaign.cost import Costs, duration
from qimlp.paper.campaign.summary import Summary
from qimlp.paper.cells.counts import count_network
from qimlp.paper.cells.published import ACCURACY, RANKS
from qimlp.paper.report.judging import text_of


def count_text(summary: Summary) -> str:
    """Write the number of parameters.

    Args:
        summary: Of a variant.

    Returns:
        Text such as `3,451`.
    """
    return "" if summary.parameters is None else f"{summary.parameters:,}"


def bias_text(summary: Summary) -> str:
    """Name the form of the bias.

    Args:
        summary: Of a variant.

    Returns:
        `"Kronecker"`, `"dense"` or `"none"`.
    """
    count = count_network(summary.variant)
    return "" if count is None else count.bias


def published_text(data: str, network: str) -> str:
    """Write the published accuracy.

    Args:
        data: Name of the data set.
        network: Name of the network.

    Returns:
        Text such as `0.9758` or `about 0.983`; `-` where none is published.
    """
    name = f"{data}/{network}"
    if name in ACCURACY:
        return f"{ACCURACY[name]:.4f}"
    if name == "mnist/4b-dense-bias":  # Fig. 3's first bar is this network, by its count
        return f"about {RANKS['mnist/4b'][0]}"
    model, _, rank = network.partition("-rank")
    values = RANKS.get(f"{data}/{model}", ())
    return f"about {values[int(rank) - 1]}" if rank.isdigit() and int(rank) <= len(values) else "-"


def result_texts(summary: Summary | None, costs: Costs) -> tuple[str, str]:
    """Write what a variant gave by both protocols.

    Args:
        summary: Of the variant; None where the table of cells has none.
        costs: How long cells take, and how many seeds they get.

    Returns:
        Dev-selected and best test seen, with the number of seeds where it is short of the number
        wanted and of those that diverged; or how long a run would take.
    """
    if summary is None:
        return "-", "-"
    if not summary.entries:
        if summary.failed:
            return f"diverged ({summary.failed})", "-"
        return f"not run ({duration(costs.seconds(summary.variant))})", "not run"
    wanted = costs.seeds(summary.variant)
    lost = f", {summary.failed} diverged" if summary.failed else ""
    return text_of(summary.test, wanted=wanted) + lost, text_of(summary.best_seen, wanted=wanted)
