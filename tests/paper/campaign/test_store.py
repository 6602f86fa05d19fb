import errno
import json
from dataclasses import replace
from pathlib import Path

import pytest

from qimlp.paper.campaign.campaign import CellDamaged, missing_cells
from qimlp.paper.campaign.store import Store
from qimlp.paper.cells.cell import Cell
from tests.paper.conftest import make_entry


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path)


def test_an_entry_comes_back(store, variant):
    cell = Cell(variant, 0)
    assert store.read(cell) is None
    entry = make_entry(cell)
    path = store.write(cell, entry)
    assert store.read(cell) == entry
    assert json.loads(path.read_text())["test_accuracy"] == 0.8
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_other_settings_are_other_entries(store, variant):
    store.write(Cell(variant, 0), make_entry(Cell(variant, 0)))
    assert store.read(Cell(variant, 1)) is None
    assert store.read(Cell(replace(variant, changes={**variant.changes, "lr": 0.5}), 0)) is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: text.replace("0.8", "0.9", 1),
        lambda text: text.replace('"sha256"', '"sha"'),
        lambda text: text.replace('"parameters"', '"params"'),
        lambda text: "[]",
        lambda text: "",
    ],
)
def test_a_damaged_entry_is_said_and_run_again(store, variant, damage):
    cell = Cell(variant, 0)
    path = store.write(cell, make_entry(cell))
    path.write_text(damage(path.read_text()))
    with pytest.raises(ValueError, match="damaged cache entry"):
        store.read(cell)
    events = []
    assert missing_cells([cell], store, events.append) == [cell]
    assert [type(event) for event in events] == [CellDamaged]
    assert path.name in events[0].reason


def test_an_entry_of_another_cell_is_refused(store, variant):
    cell, other = Cell(variant, 0), Cell(variant, 1)
    path = store.write(other, make_entry(other))
    path.rename(store.path(cell))
    with pytest.raises(ValueError, match="of other settings"):
        store.read(cell)


def test_a_full_disk_leaves_the_earlier_entry(store, variant, monkeypatch):
    cell = Cell(variant, 0)
    store.write(cell, make_entry(cell))

    def full(self: Path, content: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="cannot write"):
        store.write(cell, make_entry(cell, test_accuracy=0.1))
    assert store.read(cell) == make_entry(cell)
