"""All cells of a variant together."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from qimlp.paper.campaign.store import Entry, Store
from qimlp.paper.cells.cell import Cell, Variant
from qimlp.paper.cells.counts import count_network
from qimlp.statistics import SeedEstimate as Estimate
from qimlp.statistics import estimate


@dataclass(frozen=True)
class Summary:
    """A variant and the entries of its seeds.

    Attributes:
        variant: The variant.
        entries: Entries with a result, one per seed that was run.
        failed: How many seeds diverged; they are in no mean.
        damaged: One line for each entry that cannot be used.
    """

    variant: Variant
    entries: tuple[Entry, ...]
    failed: int = 0
    damaged: tuple[str, ...] = ()

    @property
    def accuracies(self) -> list[float]:
        """Dev-selected test accuracy of every seed."""
        return [entry.test_accuracy for entry in self.entries if entry.test_accuracy is not None]

    @property
    def test(self) -> Estimate | None:
        """Dev-selected, test once; None where nothing was run."""
        return estimate(self.accuracies) if self.entries else None

    @property
    def best_seen(self) -> Estimate | None:
        """The authors' protocol: best test accuracy ever seen."""
        values = [entry.best_test_accuracy_seen for entry in self.entries]
        known = [value for value in values if value is not None]
        return estimate(known) if known else None

    @property
    def parameters(self) -> int | None:
        """Parameters: counted on the network that was run, else by arithmetic."""
        if self.entries:
            return self.entries[0].parameters
        count = count_network(self.variant)
        return self.variant.parameters if count is None else count.parameters

    @property
    def encoder(self) -> str | None:
        """What made the features of texts."""
        return self.entries[0].encoder if self.entries else None


def summarize(variants: Iterable[Variant], store: Store) -> dict[str, Summary]:
    """Read what is there.

    Args:
        variants: The table of cells.
        store: The entries.

    Returns:
        Summaries by the variants' names; damaged entries are named in them and count as not run.
    """
    return {variant.name: _summary(variant, store) for variant in variants}


def _summary(variant: Variant, store: Store) -> Summary:
    found, damaged = [], []
    for seed in store.seeds(variant):
        try:
            entry = store.read(Cell(variant, seed))
        except ValueError as error:
            damaged.append(str(error))
            continue
        if entry is not None:
            found.append(entry)
    good = tuple(entry for entry in found if entry.failure is None)
    return Summary(variant, good, len(found) - len(good), tuple(damaged))


Summaries = Mapping[str, Summary]
