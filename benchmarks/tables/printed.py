"""The printed report: one table of figures after another."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence

from benchmarks.report import print_table, verdict
from benchmarks.tables.contestants import FIELD, OURS
from benchmarks.tables.standings import LEVEL, Standings, goals
from qimlp.bench import seconds

_ABSENT = "-"


def print_report(standings: Standings) -> None:
    """Print scores, log-loss, ranks, costs, wins and losses, and what of the goals is met."""
    print("Accuracy, or R2 where the target is a number; mean and sample deviation over splits")
    print("(the number of splits in brackets where there are fewer than the table's most).\n")
    _print_by_table(standings, lambda name, table: _mean(standings, name, table, "score"))
    print("\nLog-loss\n")
    tables = [table for table in standings.tables if _has_loss(standings, table)]
    _print_by_table(
        standings, lambda name, table: _mean(standings, name, table, "log_loss"), tables
    )
    _print_ranks(standings)
    for title, figure, show in (
        ("Fit, CPU time", "fit_s", seconds),
        ("Prediction of 10,000 rows, CPU time", "predict_s", seconds),
        ("Parameters (trees: nodes)", "parameters", _count),
        ("Bytes on disk", "saved_bytes", _count),
    ):
        print(f"\n{title}; medians over splits, below over tables\n")
        _print_medians(standings, figure, show)
    _print_duels(standings)
    _print_goals(standings)


def _print_by_table(
    standings: Standings,
    cell: Callable[[str, str], str],
    tables: Sequence[str] | None = None,
) -> None:
    shown = standings.tables if tables is None else tables
    lines = [[table, *(cell(name, table) for name in standings.estimators)] for table in shown]
    print_table(["table", *standings.estimators], lines)


def _mean(standings: Standings, name: str, table: str, figure: str) -> str:
    found = standings.values(name, table, figure)
    if not found:
        return _ABSENT
    spread = f" ± {statistics.stdev(found):.4f}" if len(found) > 1 else ""
    most = max(len(standings.splits(table, other)) for other in standings.estimators)
    return f"{statistics.fmean(found):.4f}{spread}" + (f" ({len(found)})" * (len(found) < most))


def _has_loss(standings: Standings, table: str) -> bool:
    return any(standings.values(name, table, "log_loss") for name in standings.estimators)


def _print_ranks(standings: Standings) -> None:
    ranked = standings.ranked_tables()
    if not ranked:
        print(f"\nNo ranks: no table has a common split of {', '.join(FIELD)}")
        return
    print("\nRanks in the field by mean score; equal scores share the mean of their ranks\n")
    lines = []
    for table in ranked:
        ranks = standings.ranks(table)
        lines.append([table, *(f"{ranks[name]:g}" for name in FIELD)])
    means = standings.mean_ranks()
    lines.append(["mean", *(f"{means[name]:.2f}" for name in FIELD)])
    print_table(["table", *FIELD], lines)


def _print_medians(standings: Standings, figure: str, show: Callable[[float], str]) -> None:
    by_name = {name: standings.medians(name, figure) for name in standings.estimators}
    lines = [
        [table, *(show(by[table]) if table in by else _ABSENT for by in by_name.values())]
        for table in standings.tables
    ]
    medians = [show(statistics.median(by.values())) if by else _ABSENT for by in by_name.values()]
    print_table(["table", *by_name], [*lines, ["median", *medians]])


def _print_duels(standings: Standings) -> None:
    others = [name for name in standings.estimators if name != OURS]
    others = [name for name in others if standings.differences(name)]
    if not others:
        return
    print(f"\n{OURS} against each: tables won-level-lost (level: means less than {LEVEL} apart),")
    print("mean difference of score, times over the other's (medians over tables)\n")
    lines = []
    for name in others:
        gaps = standings.differences(name)
        fit, predict = (
            statistics.median(standings.ratios(figure, name).values())
            for figure in ("fit_s", "predict_s")
        )
        worst = min(gaps, key=lambda table: gaps[table])
        lines.append(
            [
                name,
                str(standings.duel(name)),
                f"{statistics.fmean(gaps.values()):+.4f}",
                f"{worst} {gaps[worst]:+.4f}",
                f"{fit:.2f}x",
                f"{predict:.2f}x",
            ]
        )
    print_table(["against", "tables", "difference", "worst table", "fit", "predict"], lines)


def _print_goals(standings: Standings) -> None:
    reached = goals(standings)
    if reached:
        print()
        print_table(
            ["figure", "wanted", "reached", ""],
            [[goal.figure, goal.wanted, goal.reached, verdict(goal.met)] for goal in reached],
        )


def _count(value: float) -> str:
    return f"{value:,.0f}"
