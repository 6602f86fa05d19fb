"""The results of cells on disk, one file for each data set, found by what decides their numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from qimlp.files import read_bytes, validated
from qimlp.paper.campaign.keyed_lines import KeyedLines, decode
from qimlp.paper.cells.cell import CODE_VERSION, Cell, settings_key
from qimlp.settings import TrainSettings

_MOST_BYTES = 2**20


class Entry(BaseModel):
    """What one cell gave.

    Attributes:
        cell: The cell's name.
        key: The cell's key.
        settings: Resolved settings; under their present names, whatever they were written with.
        parameters: Parameters of the network; None if it could not be trained.
        best_epoch: The epoch with the best dev accuracy, from 1.
        dev_accuracy: Its accuracy on dev.
        test_accuracy: Dev-selected, test once: accuracy of these weights on the test set.
        best_test_accuracy_seen: The authors' protocol: the largest test accuracy of any epoch.
        history: Per epoch `train_loss`, `dev_loss`, `dev_accuracy`, `test_accuracy`.
        steps_per_epoch: Optimizer steps of an epoch.
        seconds: All steps at their median time.
        seconds_per_step: That median, data and schedule included.
        memory_bytes: Of one training step, counted.
        encoder: What made the features of texts, where an encoder did.
        versions: Of the libraries, and the platform.
        failure: Why there is no result, where training diverged.
        stacked: How many runs were trained as one program; times and memory are known of 1 only.
        code: Version of the numerics that it was run with.
    """

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    cell: str
    key: str
    settings: dict[str, Any]
    parameters: int | None
    best_epoch: int | None
    dev_accuracy: float | None
    test_accuracy: float | None
    best_test_accuracy_seen: float | None
    history: dict[str, list[float]]
    steps_per_epoch: int | None
    seconds: float | None
    seconds_per_step: float | None
    memory_bytes: int | None
    encoder: str | None
    versions: dict[str, str]
    failure: str | None = None
    stacked: int = 1
    code: int = CODE_VERSION


@dataclass(frozen=True)
class Entries:
    """The entries of one data set.

    Attributes:
        by_key: The entries by the cells' keys.
        damaged: One line, with the file and the line in it, for each entry that cannot be used.
    """

    by_key: Mapping[str, Entry]
    damaged: tuple[str, ...]


class Store:
    """A folder of entries: `<folder>/<data>.jsonl`, one entry on each line.

    Entries of earlier versions, `<folder>/<data>/*.json`, are read beside it. Of two entries
    with one key the line counts.

    Args:
        folder: Made when the first entry is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, data: str) -> Path:
        """Where the entries of a data set lie or will lie.

        Args:
            data: Name of the data set.

        Returns:
            `<folder>/<data>.jsonl`.
        """
        return self.folder / f"{data}.jsonl"

    def entries(self, data: str) -> Entries:
        """Read the entries of a data set.

        Args:
            data: Name of the data set.

        Returns:
            All that can be used, and what cannot.

        Raises:
            OSError: If a file cannot be read.
        """
        found, damaged = {}, []
        for file in sorted((self.folder / data).glob("*.json")):
            entry = _of_file(file)
            if isinstance(entry, str):
                damaged.append(entry)
            else:
                found[entry.key] = entry
        objects = self._lines(data).read()
        found.update({key: _entry(values, key) for key, values in objects.by_key.items()})
        return Entries(found, (*damaged, *objects.damaged))

    def read(self, cell: Cell) -> Entry | None:
        """Read a cell's entry.

        Args:
            cell: The cell.

        Returns:
            The entry; None where the cell has not been run with these settings and this code.

        Raises:
            OSError: If a file cannot be read.
        """
        return self.entries(cell.variant.data).by_key.get(cell.key())

    def write(self, cell: Cell, entry: Entry) -> Path:
        """Write a cell's entry, whole or not at all.

        Args:
            cell: The cell.
            entry: Its entry.

        Returns:
            The file.

        Raises:
            OSError: If it cannot be written; what was there stays.
        """
        lines = self._lines(cell.variant.data)
        lines.put(entry.model_dump(mode="json"))
        return lines.file

    def _lines(self, data: str) -> KeyedLines:
        return KeyedLines(self.path(data), lambda values, source: _entry(values, source).key)


def _of_file(file: Path) -> Entry | str:
    """The entry in a file of an earlier version, or one line that says why it cannot be used."""
    try:
        content = read_bytes(file, what="the result of a cell", most_bytes=_MOST_BYTES)
        return _entry(decode(content, source=str(file)), str(file))
    except ValueError as error:
        return str(error)


def _entry(values: Mapping[str, Any], source: str) -> Entry:
    """An entry out of what a file holds.

    Its key is that of its settings as this version reads them, whatever was written: fields that
    it was written without have their defaults.
    """
    entry = validated(Entry, {"code": 1, **values}, source=source)
    settings = validated(TrainSettings, entry.settings, source=source)
    known = {
        "key": settings_key(settings, entry.code),
        "settings": settings.model_dump(mode="json"),
    }
    return entry.model_copy(update=known)
