"""All cells of a variant together."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from qimlp.paper.campaign.store import Entry, Store
from qimlp.paper.cells.cell import Cell, Variant
from qimlp.paper.cells.counts import count_network
from qimlp.statistics import Estimate, estimate


@dataclass(frozen=True)
class Summary:
    """A variant and the entries of its seeds.

    Attributes:
        variant: The variant.
        entries: Entries with a result, one per seed that was run.
        failed: How many seeds diverged; they are in no mean.
    """

    variant: Variant
    entries: tuple[Entry, ...]
    failed: int = 0

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


class Summaries(Mapping[str, Summary]):
    """Summaries by the names of their variants.

    Args:
        found: The summaries.
        damaged: One line for each entry that cannot be used.
    """

    def __init__(self, found: Mapping[str, Summary], damaged: tuple[str, ...] = ()) -> None:
        self._found = dict(found)
        self.damaged = damaged

    def __getitem__(self, name: str) -> Summary:
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


def summarize(variants: Iterable[Variant], store: Store) -> Summaries:
    """Read what is there.

    Args:
        variants: The table of cells.
        store: The entries.

    Returns:
        Summaries by the variants' names; damaged entries count as not run.

    Raises:
        OSError: If a file cannot be read.
    """
    variants = list(variants)
    known = {
        data: store.entries(data) for data in dict.fromkeys(variant.data for variant in variants)
    }
    damaged = tuple(line for entries in known.values() for line in entries.damaged)
    return Summaries(
        {variant.name: _summary(variant, known[variant.data].by_key) for variant in variants},
        damaged,
    )


def _summary(variant: Variant, known: Mapping[str, Entry]) -> Summary:
    seeds = sorted({entry.settings["seed"] for entry in known.values()})
    keys = (Cell(variant, seed).key() for seed in seeds)
    found = [known[key] for key in keys if key in known]
    good = tuple(entry for entry in found if entry.failure is None)
    return Summary(variant, good, len(found) - len(good))
