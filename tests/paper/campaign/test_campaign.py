from dataclasses import replace
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from qimlp.paper.campaign.campaign import CellDone, CellProgress, missing_cells, run_campaign
from qimlp.paper.campaign.encoding import encode_ahead
from qimlp.paper.campaign.run_cell import run_cell
from qimlp.paper.campaign.run_stack import run_stack, stacks_of
from qimlp.paper.campaign.store import Store
from qimlp.paper.cells.cell import Cell, Variant
from qimlp.training import EpochDone
from qimlp.training.engine.errors import TrainingInterrupted
from tests.paper.conftest import QUICK
from tests.tiny_encoder import write_encoder


def test_a_cell_is_trained_and_kept(variant, workspace):
    cell, parts = Cell(variant, 0), []
    entry = run_cell(cell, workspace, parts.append)
    assert Store(workspace.results).read(cell) == entry
    assert entry.parameters == variant.parameters
    assert parts == sorted(parts)
    assert parts[-1] == 1.0
    history = entry.history
    assert {len(values) for values in history.values()} == {2}
    assert entry.test_accuracy == pytest.approx(
        history["test_accuracy"][entry.best_epoch - 1], abs=1e-6
    )
    assert entry.dev_accuracy == pytest.approx(max(history["dev_accuracy"]), abs=1e-6)
    assert entry.best_test_accuracy_seen == max(history["test_accuracy"])
    assert entry.settings["data_dir"] is None
    assert not any(workspace.runs.iterdir())


@pytest.mark.parametrize("jobs", [1, 2])
def test_campaigns_go_on_where_they_were_left(variant, workspace, jobs):
    cells, events = [Cell(variant, seed) for seed in range(3)], []
    run_campaign(cells[:1], workspace, jobs=1, on_event=events.append)
    todo = missing_cells(cells, Store(workspace.results), events.append)
    assert todo == cells[1:]
    run_campaign(todo, workspace, jobs=jobs, on_event=events.append)
    done = [event.cell.seed for event in events if isinstance(event, CellDone)]
    assert sorted(done) == [0, 1, 2]
    assert {event.cell for event in events if isinstance(event, CellProgress)} >= {cells[0].name}
    assert missing_cells(cells, Store(workspace.results), events.append) == []


def test_a_process_of_its_own_gives_the_same_numbers(variant, workspace, tmp_path):
    cells = [Cell(variant, 0), Cell(replace(variant, changes={**variant.changes, "lr": 0.02}), 0)]
    elsewhere = type(workspace)(tmp_path / "other", tmp_path / "other-runs", device="cpu")
    run_campaign(cells, workspace, jobs=1, on_event=lambda event: None)
    run_campaign(cells, elsewhere, jobs=2, on_event=lambda event: None)
    for cell in cells:
        here, there = Store(workspace.results).read(cell), Store(elsewhere.results).read(cell)
        assert here.history == there.history


def test_later_seeds_run_as_one_program(variant, workspace):
    cells = [Cell(variant, seed) for seed in range(8)]
    stacks = stacks_of(cells)
    assert [[cell.seed for cell in stack] for stack in stacks] == [[0], [1, 2, 3, 4, 5], [6, 7]]
    mlp = Variant("digits", "mlp", "tuned", {**QUICK, "model": "mlp"})
    assert len(stacks_of([Cell(mlp, 1), Cell(mlp, 2)])) == 2
    for data in ("mnist", "cifar10"):
        wide = Variant(data, "2b", "tuned", {"model": "2b"})
        assert len(stacks_of([Cell(wide, 1), Cell(wide, 2)])) == 2
    told = []
    entries = run_stack(cells[1:3], workspace, lambda name, part: told.append((name, part)))
    assert told[-2:] == [(cells[1].name, 1.0), (cells[2].name, 1.0)]
    for cell, entry in zip(cells[1:3], entries, strict=True):
        assert Store(workspace.results).read(cell) == entry
        assert (entry.stacked, entry.seconds_per_step) == (2, None)
        alone = run_cell(cell, workspace, lambda part: None)
        assert entry.parameters == alone.parameters
        assert entry.history["dev_loss"] == pytest.approx(alone.history["dev_loss"], rel=0.01)
        assert entry.settings == alone.settings


def test_a_stack_with_a_diverging_run_is_run_one_by_one(variant, workspace):
    wild = replace(variant, changes={**QUICK, "lr": 1e30})
    entries = run_stack([Cell(wild, 1), Cell(wild, 2)], workspace, lambda name, part: None)
    assert [entry.stacked for entry in entries] == [1, 1]
    assert all("loss became" in entry.failure for entry in entries)


def test_an_interrupted_cell_goes_on(variant, workspace, monkeypatch):
    cell = Cell(variant, 0)
    straight = run_cell(cell, workspace, lambda part: None)
    Store(workspace.results).path("digits").unlink()

    def stop(part: float) -> None:
        if part >= 0.5:
            raise TrainingInterrupted("stop")

    with pytest.raises(TrainingInterrupted):
        run_cell(cell, workspace, stop)
    assert Store(workspace.results).read(cell) is None
    epochs = []
    monkeypatch.setattr(EpochDone, "to_dict", counting(EpochDone.to_dict, epochs))
    again = run_cell(cell, workspace, lambda part: None)
    assert again.history == straight.history


def counting(function, calls):
    def wrapped(self):
        calls.append(self)
        return function(self)

    return wrapped


def test_a_diverging_cell_is_an_entry_that_says_so(workspace):
    wild = Variant("digits", "2b", "tuned", {**QUICK, "lr": 1e30})
    entry = run_cell(Cell(wild, 0), workspace, lambda part: None)
    assert entry.test_accuracy is None
    assert "loss became" in entry.failure
    assert Store(workspace.results).read(Cell(wild, 0)) == entry


def test_missing_data_names_the_setting(workspace, monkeypatch):
    monkeypatch.delenv("QIMLP_DATA", raising=False)
    lost = Variant("nowhere", "2b", "tuned", QUICK)
    with pytest.raises(FileNotFoundError, match="QIMLP_DATA"):
        run_cell(Cell(lost, 0), workspace, lambda part: None)


def test_jobs_must_be_positive(workspace):
    with pytest.raises(ValueError, match="jobs: expected at least 1, got 0"):
        run_campaign([], workspace, jobs=0, on_event=lambda event: None)


def test_texts_are_encoded_once_before_the_cells(workspace, monkeypatch):
    calls, parts = [], []

    def apply(self, texts, *, device, on_progress):
        calls.append((self.name, len(texts)))
        on_progress(len(texts), len(texts))

    split = SimpleNamespace
    texts = split(train=split(texts=("a", "b", "c")), test=split(texts=("d",)))
    monkeypatch.setattr("qimlp.paper.campaign.encoding.load_texts", lambda data, data_dir: texts)
    monkeypatch.setattr("qimlp.paper.campaign.encoding.Encoder.apply", apply)
    changes = {"text": "encoder", "encoder": "some-bert"}
    cells = [Cell(Variant("imdb", "2b", "tuned", changes), seed) for seed in range(3)]
    trained = {"text": "encoder", "encoder": "another", "finetune": True}
    cells.append(Cell(Variant("imdb", "2b-finetuned", "tuned", trained), 0))
    encode_ahead(cells, workspace, lambda label, done: parts.append(done))
    assert calls == [("some-bert", 3), ("some-bert", 1)]
    assert parts == [0.75, 1.0]


def test_heads_on_a_frozen_encoder_are_stacked(workspace, tmp_path, monkeypatch):
    pytest.importorskip("transformers")
    monkeypatch.setenv("QIMLP_CACHE", str(tmp_path / "cache"))
    texts, encoder = tmp_path / "texts", tmp_path / "tiny-bert"
    for folder in (texts, encoder):
        folder.mkdir()
    write_encoder(encoder)
    for part, count in (("train", 100), ("test", 20)):
        rows = [f"{'very ' * (i % 5)}{('good', 'bad')[i % 2]} film" for i in range(count)]
        labels = [i % 2 for i in range(count)]
        pq.write_table(pa.table({"text": rows, "label": labels}), texts / f"{part}.parquet")
    changes = {"text": "encoder", "encoder": str(encoder), "dims": "4x4,2x1", "epochs": 2}
    cells = [Cell(Variant(str(texts), "2b", "tuned", changes), seed) for seed in (1, 2)]
    assert stacks_of(cells) == [cells]
    for cell, entry in zip(
        cells, run_stack(cells, workspace, lambda name, part: None), strict=True
    ):
        alone = run_cell(cell, workspace, lambda part: None)
        assert entry.stacked == 2
        assert entry.encoder == alone.encoder == "tiny-bert, mean of 256 tokens"
        assert entry.history["dev_loss"] == pytest.approx(alone.history["dev_loss"], rel=0.01)
    tuned = Variant(str(texts), "2b", "tuned", {**changes, "finetune": True})
    assert len(stacks_of([Cell(tuned, 1), Cell(tuned, 2)])) == 2
    assert run_cell(Cell(tuned, 0), workspace, lambda part: None).encoder == (
        "tiny-bert, mean of 256 tokens, fine-tuned"
    )
