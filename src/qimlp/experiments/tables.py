"""The report's tables: heading and rows of text, for Markdown and HTML alike."""

from dataclasses import dataclass

from qimlp.experiments.claims import Verdict, step_ms, text_of
from qimlp.experiments.published import ACCURACY, COST, PARAMETERS, RANKS, WANTED
from qimlp.experiments.summary import Summaries, Summary
from qimlp.training.report import format_bytes


@dataclass(frozen=True)
class Table:
    """A table of texts.

    Attributes:
        columns: Headings.
        rows: One text per column each.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def accuracy_table(found: Summaries, data: str) -> Table:
    """All networks of a data set, both columns, both protocols.

    Args:
        found: Summaries of all variants.
        data: Name of the data set.

    Returns:
        One row per network.
    """
    networks = list(
        dict.fromkeys(s.variant.network for s in found.values() if s.variant.data == data)
    )
    rows = []
    for network in networks:
        paper, tuned = (found.get(f"{data}/{network}/{column}") for column in ("paper", "tuned"))
        known = tuned if tuned is not None and tuned.entries else paper or tuned
        count = known.parameters if known is not None else None
        rows.append(
            (
                network,
                "" if count is None else f"{count:,}",
                _published(data, network),
                *_both(paper),
                *_both(tuned),
                _wanted(data, network, tuned),
                known.variant.note if known is not None else "",
            )
        )
    return Table(
        (
            "network",
            "parameters",
            "published",
            "paper settings, dev-selected",
            "best test seen",
            "our recipe, dev-selected",
            "best test seen",
            "wanted",
            "",
        ),
        tuple(rows),
    )


def _both(summary: Summary | None) -> tuple[str, str]:
    if summary is None:
        return "-", "-"
    if summary.failed and not summary.entries:
        return f"diverged ({summary.failed})", "-"
    return text_of(summary.test), text_of(summary.best_seen)


def _published(data: str, network: str) -> str:
    name = f"{data}/{network}"
    if name in ACCURACY:
        return f"{ACCURACY[name]:.4f}"
    model, _, rank = network.partition("-rank")
    values = RANKS.get(f"{data}/{model}", ())
    if rank.isdigit() and int(rank) <= len(values):
        return f"about {values[int(rank) - 1]}"
    return "-"


def _wanted(data: str, network: str, tuned: Summary | None) -> str:
    wanted = WANTED.get(f"{data}/{network}")
    if wanted is None:
        return ""
    if tuned is None or tuned.test is None:
        return f"{wanted}"
    return f"{wanted}: {'reached' if round(tuned.test.mean, 3) >= wanted else 'missed'}"


def cost_table(found: Summaries, data: str) -> Table:
    """Appendix Table 1 (MNIST) or 2 (CIFAR-10): time and memory of training.

    Args:
        found: Summaries of all variants.
        data: ``"mnist"`` or ``"cifar10"``.

    Returns:
        One row per network.
    """
    rows = []
    for network in ("mlp", "2b", "3b", "4b"):
        seconds, mebibytes = COST[f"{data}/{network}"]
        summary = found[f"{data}/{network}/paper"]
        time = step_ms(summary)
        known = [entry.memory_bytes for entry in summary.entries if entry.memory_bytes]
        memory = max(known, default=None)
        steps = _steps(summary)
        rows.append(
            (
                network,
                f"{PARAMETERS[f'{data}/{network}']:,}",
                f"{seconds} s",
                "not run"
                if time is None
                else f"{time * steps / 1e3:,.0f} s ({time:.2f} ms a step)",
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
    if not summary.entries:
        return 0
    entry = summary.entries[0]
    return len(entry.history["dev_accuracy"]) * (entry.steps_per_epoch or 0)


def verdict_table(verdicts: list[Verdict]) -> Table:
    """The claims.

    Args:
        verdicts: From `qimlp.experiments.claims.verdicts`.

    Returns:
        One row per claim.
    """
    return Table(
        ("claim", "published", "verdict", "numbers here", "command"),
        tuple(
            (v.claim, v.published, v.verdict, "; ".join(v.evidence), v.command) for v in verdicts
        ),
    )
