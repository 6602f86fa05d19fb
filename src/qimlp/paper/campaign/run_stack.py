"""Run the cells of one variant together, as one batched program, where that is possible."""

from collections.abc import Callable, Sequence

from qimlp.data import DataSet, TextDataSet
from qimlp.distributed import connect
from qimlp.paper.campaign.run_cell import (
    Workspace,
    encoder_label,
    history_of,
    load_once,
    rounded,
    run_cell,
)
from qimlp.paper.campaign.store import Entry, Store
from qimlp.paper.cells.cell import Cell
from qimlp.shapes import PAPER_WIDTHS
from qimlp.training import NonFiniteLossError, StackedRun, can_be_stacked, fit_stacked, versions

MOST = 5
"""Cells of one stack; with more the batch outgrows the processor's cache."""

WIDEST = 64
"""Features of the widest networks that are stacked. Five runs at 64 features take as long in a
stack as one by one (1.02x); at 784 a stack loses: on MNIST's networks 0.77x for two bodies, 0.66x
for three, 0.75x for four, 0.62x at rank 4 (`python -m benchmarks.campaign`)."""


def stacks_of(cells: Sequence[Cell]) -> list[list[Cell]]:
    """Put cells together that can run together.

    The first seed of a variant runs alone: its time and memory are those of one run.

    Args:
        cells: The cells to run, in order.

    Returns:
        Lists of one or more cells of one variant, in the order of their first cells.
    """
    stacks: list[list[Cell]] = []
    open_stack: dict[str, list[Cell]] = {}
    for cell in cells:
        name = cell.variant.name
        stack = open_stack.get(name)
        if cell.seed == 0 or _is_wide(cell) or not can_be_stacked(cell.settings()):
            stacks.append([cell])
        elif stack is None or len(stack) == MOST:
            open_stack[name] = [cell]
            stacks.append(open_stack[name])
        else:
            stack.append(cell)
    return stacks


def _is_wide(cell: Cell) -> bool:
    widths = PAPER_WIDTHS.get(cell.variant.data)
    return widths is not None and widths[0] > WIDEST


def run_stack(
    cells: Sequence[Cell], workspace: Workspace, on_progress: Callable[[str, float], None]
) -> list[Entry]:
    """Train the cells of a stack and write their entries.

    Cells are trained one after the other where a stack is not possible after all: on a device
    other than the CPU, on streamed data, or because one of them diverges.

    Args:
        cells: From `stacks_of`.
        workspace: Where.
        on_progress: Called with a cell's name and its done part, from 0 to 1.

    Returns:
        One entry per cell, already on disk.

    Raises:
        FileNotFoundError: If the data is not there.
        TrainingInterrupted: On Ctrl-C.
        OSError: If something cannot be written.
    """

    def alone() -> list[Entry]:
        return [
            run_cell(cell, workspace, lambda part, cell=cell: on_progress(cell.name, part))  # type: ignore[misc]
            for cell in cells
        ]

    def tell(part: float) -> None:
        for cell in cells:
            on_progress(cell.name, part)

    where = {
        "data_dir": workspace.data_dir,
        "device": workspace.device,
        "threads": workspace.threads,
    }
    runs = [cell.settings(**where) for cell in cells]
    if len(cells) == 1 or workspace.keep_runs or connect(workspace.device).device.type != "cpu":
        return alone()
    data = load_once(runs[0])
    if not isinstance(data, DataSet | TextDataSet):
        return alone()
    try:
        trained = fit_stacked(runs, data, tell)
    except NonFiniteLossError:
        return alone()
    store = Store(workspace.results)
    entries = []
    for cell, run in zip(cells, trained, strict=True):
        entry = _entry(cell, run, len(cells))
        store.write(cell, entry)
        entries.append(entry)
    return entries


def _entry(cell: Cell, run: StackedRun, stacked: int) -> Entry:
    history = rounded(history_of(run.epochs))
    return Entry(
        cell=cell.name,
        key=cell.key(),
        settings=cell.settings().model_dump(mode="json"),
        parameters=run.parameters,
        best_epoch=run.best_epoch,
        dev_accuracy=run.epochs[run.best_epoch - 1].dev["accuracy"],
        test_accuracy=run.test["accuracy"],
        best_test_accuracy_seen=max(history["test_accuracy"]),
        history=history,
        steps_per_epoch=run.steps_per_epoch,
        seconds=None,
        seconds_per_step=None,
        memory_bytes=None,
        encoder=encoder_label(run.settings),
        versions=versions(),
        stacked=stacked,
    )
