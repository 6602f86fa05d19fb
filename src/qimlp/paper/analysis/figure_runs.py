"""The networks behind Figs. 6 and 7, and where their trained runs are kept.

::

    runs/<key>/<data>-<network>/seed-<n>               kept by `qimlp reproduce --keep-runs`
    runs/correlation/<key>/<data>-<network>/seed-<n>   trained for the figures, with checkpoints

`<key>` is the beginning of the cell's key. A run is a cell's if its settings are, whatever key it
was kept under.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from qimlp.paper.analysis.runs import find_checkpoints
from qimlp.paper.campaign.campaign import OnCampaignEvent, ResultDamaged
from qimlp.paper.campaign.run_cell import Workspace
from qimlp.paper.cells.cell import Cell, Variant
from qimlp.training import RunFolder, located

SEEDS = 3

#: Data set -> ranks beside rank 1, and how many seeds of each (None: as many as of rank 1).
_OTHER_RANKS: dict[str, tuple[tuple[int, ...], int | None]] = {
    "mnist": ((2, 3, 4), None),
    "cifar10": ((2, 3), 1),
}


@dataclass(frozen=True)
class FigureRuns:
    """What is trained and looked at on one data set.

    Attributes:
        data: Name of the data.
        shown: The two-body network, one cell per seed; the first seed's is the one in the figures.
        others: The same network at other ranks, for accuracy against C.
        control: The classic MLP of the same widths.
    """

    data: str
    shown: tuple[Cell, ...]
    others: tuple[Cell, ...]
    control: Cell

    @property
    def cells(self) -> tuple[Cell, ...]:
        """All of them."""
        return (*self.shown, *self.others, self.control)


def figure_runs(
    chosen: Iterable[Variant], known: Iterable[Variant], seeds: int | None
) -> list[FigureRuns]:
    """List the runs of the data sets whose two-body network is chosen.

    Args:
        chosen: Variants chosen by the user.
        known: All variants.
        seeds: Seeds of each network; None for `SEEDS`.

    Returns:
        One entry per data set.

    Raises:
        ValueError: If no two-body network of our recipe is chosen.
    """
    wanted = {variant.name for variant in chosen}
    of_name = {variant.name: variant for variant in known}
    found = []
    for data, (ranks, seeds_of_others) in _OTHER_RANKS.items():
        if f"{data}/2b/tuned" not in wanted:
            continue
        count = seeds or SEEDS
        others = [
            Cell(of_name[f"{data}/2b-rank{rank}/tuned"], seed)
            for rank in ranks
            for seed in range(min(count, seeds_of_others or count))
        ]
        shown = [Cell(of_name[f"{data}/2b/tuned"], seed) for seed in range(count)]
        control = Cell(of_name[f"{data}/mlp/tuned"], 0)
        found.append(FigureRuns(data, tuple(shown), tuple(others), control))
    if not found:
        names = " or ".join(f"{data}/2b/tuned" for data in _OTHER_RANKS)
        raise ValueError(f"--correlation: expected {names} among the chosen cells")
    return found


class KeptRuns:
    """Trained runs below a folder of runs.

    Args:
        folder: `<out>/runs`.
        wanted: What is needed of them.
    """

    def __init__(self, folder: Path, wanted: Sequence[FigureRuns]) -> None:
        self._own = folder / "correlation"
        self._folders = (self._own, folder)
        self._wanted = wanted
        self._with_checkpoints = {runs.shown[0].name for runs in wanted}

    def missing(self, on_event: OnCampaignEvent) -> list[Cell]:
        """Cells without a usable run.

        Args:
            on_event: Told of damaged runs, which are trained again.

        Returns:
            The cells to train.
        """
        cells = [cell for runs in self._wanted for cell in runs.cells]
        return [cell for cell in cells if self._find(cell, on_event) is None]

    def path(self, cell: Cell) -> Path:
        """Find the run of a cell.

        Args:
            cell: The cell.

        Returns:
            Its run folder.

        Raises:
            ValueError: If there is none after all: its training diverged.
        """
        found = self._find(cell, lambda _: None)
        if found is None:
            raise ValueError(
                f"{cell.name}: no trained network; its training did not come to an end"
            )
        return found

    def workspace(self, *, data_dir: str | None, device: str, threads: int) -> Workspace:
        """Where missing runs are trained: apart from the results of the evaluation.

        Args:
            data_dir: As in `TrainSettings`.
            device: As in `TrainSettings`.
            threads: As in `TrainSettings`.

        Returns:
            The workspace; runs are kept, those of the figures with the network of every epoch.
        """
        return Workspace(
            self._own / "results",
            self._own,
            data_dir=data_dir,
            device=device,
            threads=threads,
            keep_runs=True,
            checkpoints=frozenset(self._with_checkpoints),
        )

    def _find(self, cell: Cell, on_event: OnCampaignEvent) -> Path | None:
        for folder in (each for parent in self._folders for each in sorted(parent.glob("*"))):
            run = RunFolder.of(folder, cell.settings())
            try:
                if self._is_usable(run, cell):
                    return run.path
            except ValueError as error:
                on_event(ResultDamaged(str(error)))
        return None

    def _is_usable(self, run: RunFolder, cell: Cell) -> bool:
        if not run.settings_file.is_file() or not run.best.is_dir() or run.read_result() is None:
            return False
        written = run.read_settings()
        settings = located(cell.settings(data_dir=written.dataset.data_dir))
        if located(written).numeric() != settings.numeric():
            return False
        wanted = cell.name in self._with_checkpoints
        return not wanted or settings.optimisation.epochs in find_checkpoints(run.path)
