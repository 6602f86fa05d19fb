"""Cells that are missing are run side by side; what happens is told as events."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from qimlp.paper.campaign.encoding import encode_ahead
from qimlp.paper.campaign.run_cell import Workspace
from qimlp.paper.campaign.run_stack import run_stack, stacks_of
from qimlp.paper.campaign.store import Entry, Store
from qimlp.paper.cells.cell import Cell
from qimlp.sweeps import run_side_by_side
from qimlp.training import keep_freed_memory


@dataclass(frozen=True)
class Encoding:
    """Texts are being encoded, before the cells that need the features.

    Attributes:
        encoder: Its label.
        done: The done part, from 0 to 1.
    """

    encoder: str
    done: float


@dataclass(frozen=True)
class CellProgress:
    """A cell is under way.

    Attributes:
        cell: Its name.
        done: The done part, from 0 to 1.
    """

    cell: str
    done: float


@dataclass(frozen=True)
class CellDone:
    """A cell's entry is on disk.

    Attributes:
        cell: The cell.
        entry: Its entry.
    """

    cell: Cell
    entry: Entry


@dataclass(frozen=True)
class ResultDamaged:
    """An entry or a trained run cannot be used, so the cell is run again.

    Attributes:
        reason: One line that names the file.
    """

    reason: str


CampaignEvent: TypeAlias = Encoding | CellProgress | CellDone | ResultDamaged
OnCampaignEvent: TypeAlias = Callable[[CampaignEvent], None]


def missing_cells(cells: Sequence[Cell], store: Store, on_event: OnCampaignEvent) -> list[Cell]:
    """Find the cells that are yet to be run.

    Args:
        cells: The cells wanted.
        store: Where entries lie.
        on_event: Told of damaged entries.

    Returns:
        Those without a usable entry, in order.
    """
    known: set[str] = set()
    for data in dict.fromkeys(cell.variant.data for cell in cells):
        entries = store.entries(data)
        known.update(entries.by_key)
        for reason in entries.damaged:
            on_event(ResultDamaged(reason))
    return [cell for cell in cells if cell.key() not in known]


def run_campaign(
    cells: Sequence[Cell], workspace: Workspace, *, jobs: int, on_event: OnCampaignEvent
) -> None:
    """Run cells; each entry is on disk as soon as its cell is done.

    Args:
        cells: The cells to run, in order.
        workspace: Where they run and what they leave.
        jobs: How many run at a time; with 1 they run in this process.
        on_event: Told how far the cells are.

    Raises:
        ValueError: If `jobs` is less than 1, or settings and data of a cell do not fit.
        FileNotFoundError: If data or an encoder is not there.
        KeyboardInterrupt: On Ctrl-C; cells under way can be continued by another call.
        OSError: If something cannot be written, or a process was killed.
    """
    encode_ahead(cells, workspace, lambda label, done: on_event(Encoding(label, done)))

    def on_done(stack: Sequence[Cell], entries: Sequence[Entry]) -> None:
        for cell, entry in zip(stack, entries, strict=True):
            on_event(CellDone(cell, entry))

    run_side_by_side(
        stacks_of(cells),
        partial(_run_stack, workspace),
        jobs=jobs,
        name_of=lambda stack: stack[0].name,
        on_event=on_event,
        on_done=on_done,
        on_start=keep_freed_memory,
    )


def _run_stack(workspace: Workspace, stack: Sequence[Cell], tell: OnCampaignEvent) -> list[Entry]:
    return run_stack(stack, workspace, lambda name, part: tell(CellProgress(name, part)))
