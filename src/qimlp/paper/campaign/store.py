"""The results of cells on disk: one JSON file each, found again by what decides its numbers."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from qimlp.files import write_text
from qimlp.paper.cells.cell import Cell, Variant


@dataclass(frozen=True)
class Entry:
    """What one cell gave.

    Attributes:
        cell: The cell's name.
        key: The cell's key.
        settings: Resolved settings.
        parameters: Parameters of the network; None if it could not be trained.
        best_epoch: The epoch with the best dev accuracy, from 1.
        dev_accuracy: Its accuracy on dev.
        test_accuracy: Dev-selected, test once: accuracy of these weights on the test set.
        best_test_accuracy_seen: The authors' protocol: the largest test accuracy of any epoch.
        history: Per epoch ``train_loss``, ``dev_loss``, ``dev_accuracy``, ``test_accuracy``.
        steps_per_epoch: Optimizer steps of an epoch.
        seconds: All steps at their median time.
        seconds_per_step: That median, data and schedule included.
        memory_bytes: Of one training step, counted.
        encoder: What made the features of texts, where an encoder did.
        versions: Of the libraries, and the platform.
        failure: Why there is no result, where training diverged.
        stacked: How many runs were trained as one program; times and memory are known of 1 only.
    """

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


class Store:
    """A folder of entries.

    Args:
        folder: Made when the first entry is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, cell: Cell) -> Path:
        """Where a cell's entry lies or will lie.

        Args:
            cell: The cell.

        Returns:
            ``<folder>/<data>/<network>-<column>-seed-<n>-<key>.json``.
        """
        variant = cell.variant
        file = f"{variant.network}-{variant.column}-seed-{cell.seed}-{cell.key()[:12]}.json"
        return self.folder / variant.data / file

    def seeds(self, variant: Variant) -> list[int]:
        """Seeds of a variant that have a file, whatever the settings it was run with.

        Args:
            variant: The variant.

        Returns:
            The seeds, ascending.
        """
        name = re.compile(
            rf"{re.escape(f'{variant.network}-{variant.column}')}-seed-(\d+)-[0-9a-f]{{12}}\.json"
        )
        folder = self.folder / variant.data
        files = folder.iterdir() if folder.is_dir() else ()
        return sorted({int(found[1]) for file in files if (found := name.fullmatch(file.name))})

    def read(self, cell: Cell) -> Entry | None:
        """Read a cell's entry.

        Args:
            cell: The cell.

        Returns:
            The entry; None where the cell has not been run with these settings and this code.

        Raises:
            ValueError: If the file is damaged, or is another cell's.
        """
        path = self.path(cell)
        if not path.is_file():
            return None
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            digest = values.pop("sha256")
            entry = Entry(**{field.name: values[field.name] for field in fields(Entry)})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{path}: damaged cache entry ({error!r})") from error
        if digest != _digest(values):
            raise ValueError(f"{path}: damaged cache entry (its content does not fit its hash)")
        if entry.key != cell.key():
            raise ValueError(f"{path}: damaged cache entry (it is of other settings)")
        return entry

    def write(self, cell: Cell, entry: Entry) -> Path:
        """Write a cell's entry, whole or not at all.

        Args:
            cell: The cell.
            entry: Its entry.

        Returns:
            The file.

        Raises:
            OSError: If it cannot be written.
        """
        path = self.path(cell)
        path.parent.mkdir(parents=True, exist_ok=True)
        values = asdict(entry)
        lines = [
            f"{json.dumps(name)}: {json.dumps(value, allow_nan=False)}"
            for name, value in {**values, "sha256": _digest(values)}.items()
        ]
        write_text(path, "{\n" + ",\n".join(lines) + "\n}\n")
        return path


def _digest(values: Mapping[str, Any]) -> str:
    text = json.dumps(values, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
