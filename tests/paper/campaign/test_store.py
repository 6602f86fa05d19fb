import errno
import hashlib
import json
import math
import multiprocessing
from dataclasses import replace
from pathlib import Path

import pytest

from qimlp.paper.campaign.campaign import ResultDamaged, missing_cells
from qimlp.paper.campaign.keyed_lines import encode
from qimlp.paper.campaign.store import Store
from qimlp.paper.campaign.summary import summarize
from qimlp.paper.cells import cell as cell_module
from qimlp.paper.cells.cell import Cell, Variant
from qimlp.paper.cells.variants import variants
from tests.paper.conftest import QUICK, make_entry

COMMITTED = Path(__file__).parents[3] / "docs" / "reproduction" / "results"


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path)


def test_an_entry_comes_back(store, variant):
    cell = Cell(variant, 0)
    assert store.read(cell) is None
    entry = make_entry(cell)
    path = store.write(cell, entry)
    assert store.read(cell) == entry
    (line,) = path.read_text().splitlines()
    assert json.loads(line)["test_accuracy"] == 0.8
    assert path.name == "digits.jsonl"


def test_a_line_is_replaced_where_it_stands(store, variant):
    cells = [Cell(variant, seed) for seed in range(3)]
    for cell in cells:
        store.write(cell, make_entry(cell))
    path = store.write(cells[1], make_entry(cells[1], test_accuracy=0.5))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["settings"]["seed"] for line in lines] == [0, 1, 2]
    assert [line["test_accuracy"] for line in lines] == [0.8, 0.5, 0.8]


def test_other_settings_are_other_entries(store, variant):
    store.write(Cell(variant, 0), make_entry(Cell(variant, 0)))
    assert store.read(Cell(variant, 1)) is None
    assert store.read(Cell(replace(variant, changes={**variant.changes, "lr": 0.5}), 0)) is None


def test_another_version_of_the_numerics_is_another_entry(store, variant, monkeypatch):
    cell = Cell(variant, 0)
    path = store.write(cell, make_entry(cell))
    assert json.loads(path.read_text())["code"] == cell_module.CODE_VERSION
    monkeypatch.setattr(cell_module, "CODE_VERSION", cell_module.CODE_VERSION + 1)
    assert store.read(cell) is None


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda line: line[: len(line) // 2], "expected one JSON object"),
        (lambda line: line.replace("0.8", "0.9", 1), "does not fit its hash"),
        (lambda line: line.replace('"sha256"', '"sha"'), "with 'sha256'"),
        (lambda line: "[" * 100_000, "expected one JSON object"),
        (lambda line: line.replace("0.8", "NaN", 1), "finite numbers, got NaN"),
        (lambda line: "[]", "with 'sha256'"),
        (lambda line: "", "expected one JSON object"),
        (lambda line: encode({"cell": "x"}), "key is missing"),
        (lambda line: rehashed(line, parameters="many"), "parameters"),
        (lambda line: rehashed(line, code="new"), "code"),
        (lambda line: rehashed(line, seconds=math.inf), "finite numbers, got 1e400"),
    ],
)
def test_a_damaged_line_is_said_with_its_number_and_run_again(store, variant, damage, said):
    cells = [Cell(variant, seed) for seed in range(3)]
    for cell in cells:
        path = store.write(cell, make_entry(cell))
    lines = path.read_text().splitlines()
    lines[1] = damage(lines[1])
    path.write_text("\n".join(lines) + "\n")
    events = []
    assert missing_cells(cells, store, events.append) == [cells[1]]
    assert [type(event) for event in events] == [ResultDamaged]
    assert events[0].reason.startswith(f"{path}, line 2")
    assert said in events[0].reason
    assert len(events[0].reason) < len(str(path)) + 200
    store.write(cells[1], make_entry(cells[1]))
    assert missing_cells(cells, store, lambda event: None) == []
    assert lines[1] in path.read_text().splitlines()


def rehashed(line: str, **changes: object) -> str:
    values = {**json.loads(line), **changes}
    del values["sha256"]
    digest = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
    return json.dumps({**values, "sha256": digest}).replace("Infinity", "1e400")


def test_results_of_earlier_versions_one_file_each_are_read(store, variant):
    cells = [Cell(variant, seed) for seed in range(3)]
    older = store.folder / "digits"
    older.mkdir()
    for cell in cells[:2]:
        values = {**make_entry(cell).model_dump(), "key": "0" * 64}
        del values["code"]
        for later in ("finetune", "restarts", "optimizer"):
            del values["settings"][later]
        pretty = json.dumps(json.loads(encode(values)), indent=0)
        (older / f"2b-tuned-seed-{cell.seed}-000000000000.json").write_text(pretty)
    assert missing_cells(cells, store, lambda event: None) == [cells[2]]
    assert store.read(cells[0]).test_accuracy == 0.8
    store.write(cells[0], make_entry(cells[0], test_accuracy=0.7))
    assert store.read(cells[0]).test_accuracy == 0.7
    (older / "2b-tuned-seed-1-000000000000.json").write_text("{")
    (line,) = store.entries("digits").damaged
    assert line.startswith(str(older / "2b-tuned-seed-1-000000000000.json"))


def test_a_full_disk_leaves_the_earlier_entry(store, variant, monkeypatch):
    cell = Cell(variant, 0)
    store.write(cell, make_entry(cell))

    def full(path: Path) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("qimlp.files.write.open_exclusive", full)
    with pytest.raises(OSError, match="cannot write"):
        store.write(cell, make_entry(cell, test_accuracy=0.1))
    assert store.read(cell) == make_entry(cell)


def test_processes_side_by_side_lose_nothing(store):
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=write_ten, args=(store.folder, part)) for part in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    entries = store.entries("digits")
    assert entries.damaged == ()
    seeds = sorted(entry.settings["seed"] for entry in entries.by_key.values())
    assert seeds == list(range(30))


def write_ten(folder: Path, part: int) -> None:
    for seed in range(10 * part, 10 * part + 10):
        cell = Cell(Variant("digits", "2b", "tuned", QUICK), seed)
        Store(folder).write(cell, make_entry(cell))


def test_every_committed_result_is_a_cells():
    found = summarize(variants(), Store(COMMITTED))
    assert found.damaged == ()
    lines = {file.stem: len(file.read_text().splitlines()) for file in COMMITTED.glob("*.jsonl")}
    assert lines == {"mnist": 170, "cifar10": 132, "20newsgroups": 75, "imdb": 100}
    for data, count in lines.items():
        own = [summary for summary in found.values() if summary.variant.data == data]
        assert sum(len(summary.entries) + summary.failed for summary in own) == count
        for summary in own:
            for entry in summary.entries:
                assert entry.cell.rpartition("/")[0] == summary.variant.name
