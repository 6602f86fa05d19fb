"""The report's tables: heading and rows of text, for Markdown and HTML alike."""

from collections.abc import Iterable

from qimlp.paper.campaign.cost import Costs, duration
from qimlp.paper.campaign.summary import Summaries, Summary
from qimlp.paper.cells.cell import Cell
from qimlp.paper.cells.counts import count_network
from qimlp.paper.cells.published import COST, PARAMETERS, RANK_PARAMETERS
from qimlp.paper.report.claims import COLUMNS
from qimlp.paper.report.claims_cost import step_bytes, step_times
from qimlp.paper.report.judging import Verdict
from qimlp.paper.report.render import Table
from qimlp.paper.report.variant_texts import bias_text, count_text, published_text, result_texts
from qimlp.training import format_bytes


def accuracy_table(found: Summaries, data: str, costs: Costs) -> Table:
    """All networks of a data set, both columns, both protocols.

    Args:
        found: Summaries of all variants.
        data: Name of the data set.
        costs: How long cells take.

    Returns:
        One row per network.
    """
    networks = dict.fromkeys(s.variant.network for s in found.values() if s.variant.data == data)
    rows = []
    for network in networks:
        paper, tuned = (found.get(f"{data}/{network}/{column}") for column in ("paper", "tuned"))
        one = next(summary for summary in (paper, tuned) if summary is not None)
        rows.append(
            (
                network,
                count_text(one),
                bias_text(one),
                published_text(data, network),
                *result_texts(paper, costs),
                *result_texts(tuned, costs),
                _note(paper, tuned),
            )
        )
    return Table(
        (
            "network",
            "parameters",
            "bias",
            "published",
            "paper settings, dev-selected",
            "best test seen",
            "our recipe, dev-selected",
            "best test seen",
            "",
        ),
        tuple(rows),
    )


def _note(paper: Summary | None, tuned: Summary | None) -> str:
    """What stands beside a network, and how our recipe goes beyond rates and schedules."""
    told = [one.variant.note for one in (paper, tuned) if one is not None and one.variant.note]
    if tuned is not None:
        settings = Cell(tuned.variant, 0).settings()
        order, network = settings.features.order, settings.network
        if order in _ORDERS:
            told.append(f"our recipe: {_ORDERS[order]}")
        if network.restarts > 1:
            more = network.restarts * network.restart_epochs
            told.append(f"best of {network.restarts} starts by train loss, {more} epochs more")
        if settings.optimisation.optimizer == "full-matrix":
            told.append("Adam along the principal directions of all gradients")
    return "; ".join(dict.fromkeys(told))


_ORDERS = {"patches": "pixels in patches", "columns": "pixels column by column"}


def count_table(found: Summaries) -> Table:
    """Every published number of parameters, and ours.

    Args:
        found: Summaries of all variants.

    Returns:
        One row per published number.
    """
    rows = []
    for name, published in PARAMETERS.items():
        figure = "Fig. 2" if name.startswith("mnist/") else "Fig. 4"
        rows.append(_count_row(found[f"{name}/tuned"], figure, published))
    for name, thousands in RANK_PARAMETERS.items():
        figure = "Fig. 3" if name.startswith("mnist/") else "Fig. 5"
        for rank, about in enumerate(thousands, start=1):
            if about is not None and (rank > 1 or name == "mnist/4b"):
                network = f"{name}-rank{rank}" if rank > 1 else f"{name}-dense-bias"
                rows.append(_about_row(found[f"{network}/tuned"], figure, about))
    return Table(("figure", "network", "published", "here", "bias", ""), tuple(rows))


def _count_row(summary: Summary, figure: str, published: int) -> tuple[str, ...]:
    here, count = summary.parameters, count_network(summary.variant)
    if here == published:
        outcome = "exact"
    elif count is not None and here is not None and here - count.length_one == published:
        outcome = f"exact without the output layer's {count.length_one} length-1 bias vectors"
    else:
        outcome = "differs"
    name = f"{summary.variant.data} {summary.variant.network}"
    return figure, name, f"{published:,}", count_text(summary), bias_text(summary), outcome


def _about_row(summary: Summary, figure: str, thousands: float) -> tuple[str, ...]:
    name = f"{summary.variant.data} {summary.variant.network}"
    published = f"about {thousands}k"
    return figure, name, published, count_text(summary), bias_text(summary), "read by eye"


def flattery(found: Summaries, data: str) -> str:
    """Say how much the authors' protocol flatters.

    Args:
        found: Summaries of all variants.
        data: Name of the data set.

    Returns:
        A sentence; empty where nothing was run.
    """
    parts, most = [], (0.0, "")
    for column, words in COLUMNS.items():
        gains = [
            (one.best_seen.mean - one.test.mean, name)
            for name, one in found.items()
            if (one.variant.data, one.variant.column) == (data, column)
            and one.test is not None
            and one.best_seen is not None
        ]
        if gains:
            mean = sum(gain for gain, _ in gains) / len(gains)
            parts.append(f"{mean:.4f} over {len(gains)} networks by {words}")
            most = max(most, *gains)
    if not parts:
        return ""
    return (
        f"Reporting the best test accuracy of all epochs adds on average {' and '.join(parts)}, at "
        f"most {most[0]:.4f} ({most[1]}). The authors' code looks every 50 steps, and gains more."
    )


def pending_table(found: Summaries, costs: Costs) -> Table:
    """Cells with fewer seeds than wanted, what they would cost, and the command.

    Args:
        found: Summaries of all variants.
        costs: How long cells take.

    Returns:
        One row per variant, the cheapest first.
    """
    rows = []
    for summary in sorted(found.values(), key=lambda s: costs.seconds(s.variant)):
        variant, have = summary.variant, len(summary.entries) + summary.failed
        if have < costs.seeds(variant):
            tuning = " --finetune" if variant.changes.get("finetune") else ""
            rows.append(
                (
                    variant.name,
                    f"{have} of {costs.seeds(variant)}",
                    f"about {duration(costs.seconds(variant))}",
                    f"`qimlp reproduce --cells {variant.name}{tuning}`",
                )
            )
    return Table(("cells", "seeds", "one seed, one core", "command"), tuple(rows))


def cost_table(found: Summaries, data: str) -> Table:
    """Appendix Table 1 (MNIST) or 2 (CIFAR-10): time and memory of training.

    Args:
        found: Summaries of all variants.
        data: `"mnist"` or `"cifar10"`.

    Returns:
        One row per network.
    """
    rows = []
    for network in ("mlp", "2b", "3b", "4b"):
        seconds, mebibytes = COST[f"{data}/{network}"]
        summary = found[f"{data}/{network}/paper"]
        time, memory = step_times(summary), step_bytes(summary)
        ours = "not run"
        if time is not None:
            ours = f"{time.median * _steps(summary) / 1e3:,.0f} s; a step {time.text} ms"
        rows.append(
            (
                network,
                count_text(summary),
                f"{seconds} s",
                ours,
                f"{mebibytes} MiB",
                "not run" if memory is None else format_bytes(memory),
            )
        )
    return Table(
        (
            "network",
            "parameters",
            "published time (A100)",
            "time here (one CPU core)",
            "published memory (GPU)",
            "memory here (one step, counted)",
        ),
        tuple(rows),
    )


def _steps(summary: Summary) -> int:
    entry = summary.entries[0]
    return len(entry.history["dev_accuracy"]) * (entry.steps_per_epoch or 0)


def glance_table(verdicts: Iterable[Verdict]) -> Table:
    """The claims in one line each.

    Args:
        verdicts: From `qimlp.paper.report.claims.verdicts`.

    Returns:
        Claim, verdict, and the numbers of both sides.
    """
    rows = ((v.claim, v.verdict, v.published, v.brief) for v in verdicts)
    return Table(("claim", "verdict", "published", "here"), tuple(rows))


def evidence_table(verdicts: Iterable[Verdict]) -> Table:
    """The numbers behind the verdicts.

    Args:
        verdicts: From `qimlp.paper.report.claims.verdicts`.

    Returns:
        One row per number, the claim and the command beside the first.
    """
    rows: list[tuple[str, ...]] = []
    for v in verdicts:
        for index, line in enumerate(v.evidence or ("not run",)):
            head = (v.claim, v.verdict) if index == 0 else ("", "")
            rows.append((*head, line, f"`{v.command}`" if index == 0 else ""))
    return Table(("claim", "verdict", "numbers here", "command"), tuple(rows))
