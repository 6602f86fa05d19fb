"""A disk that fills up: one line, and what was complete stays valid."""

import errno
import os
from pathlib import Path

import pytest

from qimlp.files.temporary import open_exclusive
from qimlp.predictor.predictions import write_predictions
from qimlp.training import fit, resume
from qimlp.training.runs.folder import RunFolder
from qimlp.training.runs.load import load_run

FULL = Path("/dev/full")


class FullDisk:
    """Refuses to write files of a name once it has been written some times."""

    def __init__(self, monkeypatch, name: str, after: int):
        if not FULL.exists():
            pytest.skip("this system has no /dev/full")
        self.left = after

        def open_on_full_disk(path: Path) -> int:
            number = open_exclusive(path)
            if name not in path.name:
                return number
            self.left -= 1
            if self.left >= 0:
                return number
            os.close(number)
            return os.open(FULL, os.O_WRONLY)

        monkeypatch.setattr("qimlp.files.write.open_exclusive", open_on_full_disk)


def leftovers(folder):
    return [path for path in folder.rglob("*") if path.name.endswith("tmp")]


@pytest.mark.parametrize("name", ["settings.json", "versions.json", "preprocess.json"])
def test_while_the_folder_is_made(settings, tmp_path, monkeypatch, name):
    out = tmp_path / "runs"
    FullDisk(monkeypatch, name, after=0)
    with pytest.raises(OSError, match="No space left") as caught:
        fit(settings(), out=out)
    assert caught.value.errno == errno.ENOSPC
    assert not RunFolder.of(out, settings()).path.exists()
    assert not leftovers(out)


@pytest.mark.parametrize("name", ["state.safetensors", "metrics.jsonl", "model.safetensors"])
def test_while_training(settings, tmp_path, monkeypatch, name):
    straight = fit(settings(), out=tmp_path / "straight")
    out = tmp_path / "runs"
    with monkeypatch.context() as patch:
        FullDisk(patch, name, after=1)
        with pytest.raises(OSError, match="No space left") as caught:
            fit(settings(), out=out)
    assert name in str(caught.value)
    folder = RunFolder.of(out, settings())
    assert not leftovers(folder.path)
    assert load_run(folder.path, device="cpu").predictor.task.class_names == ("0", "1", "2")
    resumed = resume(folder.path)
    assert resumed.test["loss"] == straight.test["loss"]


def test_while_the_curves_are_written(settings, tmp_path, monkeypatch):
    if not FULL.exists():
        pytest.skip("this system has no /dev/full")
    plain = Path.open

    def open_full(path, *arguments, **named):
        return plain(FULL if "tfevents" in path.name else path, *arguments, **named)

    monkeypatch.setattr(Path, "open", open_full)
    with pytest.raises(OSError, match="No space left") as caught:
        fit(settings(), out=tmp_path)
    assert "tfevents" in str(caught.value)


def test_while_predictions_are_written(settings, tmp_path, monkeypatch):
    trained = load_run(fit(settings(), out=tmp_path).folder, device="cpu")
    answers = trained.predictor.answers(trained.read(trained.settings.data))
    columns = trained.predictor.task.columns(answers)
    path = tmp_path / "predictions.csv"
    path.write_text("earlier")
    FullDisk(monkeypatch, "predictions.csv", after=0)
    with pytest.raises(OSError, match="No space left"):
        write_predictions(path, columns)
    assert path.read_text() == "earlier"
    assert not leftovers(tmp_path)
