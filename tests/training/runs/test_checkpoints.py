"""Networks kept while training: one per epoch, whole, the same after an interruption."""

import errno

import pytest
import torch

from qimlp.models import load_pretrained
from qimlp.training import TrainingInterrupted, fit, resume
from qimlp.training.runs.folder import RunFolder
from tests.training.runs.test_resume import PressCtrlC, at_step

from .test_full_disk import FullDisk, leftovers


def kept(folder):
    return {path.name: load_pretrained(path).state_dict() for path in folder.checkpoints.iterdir()}


def equal(one, other):
    return all(torch.equal(one[name], other[name]) for name in one.keys() | other.keys())


@pytest.mark.parametrize("changes", [{}, {"ema_decay": "off"}])
def test_the_start_and_every_epoch_are_kept(settings, tmp_path, changes):
    folder = RunFolder(fit(settings(checkpoints=True, **changes), out=tmp_path).folder)
    states = kept(folder)
    assert sorted(states) == ["epoch-0000", "epoch-0001", "epoch-0002", "epoch-0003"]
    assert not equal(states["epoch-0000"], states["epoch-0001"])
    best = folder.read_result().best_epoch
    assert equal(states[f"epoch-{best:04d}"], load_pretrained(folder.best).state_dict())


def test_none_are_kept_unless_asked_for(settings, tmp_path):
    assert not RunFolder(fit(settings(), out=tmp_path).folder).checkpoints.exists()


@pytest.mark.parametrize("step", [1, 13])
def test_a_resumed_run_keeps_the_same(settings, tmp_path, step):
    chosen = settings(checkpoints=True, log_every=1)
    straight = fit(chosen, out=tmp_path / "straight")
    with pytest.raises(TrainingInterrupted):
        fit(chosen, out=tmp_path / "stopped", on_event=PressCtrlC(at_step(step)))
    folder = RunFolder.of(tmp_path / "stopped", chosen)
    resume(folder.path)
    expected, got = kept(RunFolder(straight.folder)), kept(folder)
    assert expected.keys() == got.keys()
    assert all(equal(expected[name], got[name]) for name in expected)


@pytest.mark.parametrize("written", [0, 1, 3])
def test_a_full_disk_leaves_whole_checkpoints(settings, tmp_path, monkeypatch, written):
    chosen = settings(checkpoints=True)
    with monkeypatch.context() as patch:
        FullDisk(patch, "config.json", after=written)  # the last file of a kept network
        with pytest.raises(OSError, match="No space left") as caught:
            fit(chosen, out=tmp_path)
    assert caught.value.errno == errno.ENOSPC
    folder = RunFolder.of(tmp_path, chosen)
    assert not leftovers(folder.path)
    assert not any(path.name.startswith(".") for path in folder.checkpoints.iterdir())
    kept(folder)  # each loads
    resume(folder.path)
    assert sorted(kept(folder)) == [f"epoch-{n:04d}" for n in range(4)]


@pytest.mark.parametrize(("newest", "names"), [(1, [3]), (2, [2, 3]), (4, [0, 1, 2, 3]), (9, None)])
def test_the_newest_are_kept(settings, tmp_path, newest, names):
    folder = RunFolder(fit(settings(keep_last=newest), out=tmp_path / "few").folder)
    everything = RunFolder(fit(settings(checkpoints=True), out=tmp_path / "all").folder)
    few, states = kept(folder), kept(everything)
    assert sorted(few) == [f"epoch-{n:04d}" for n in (range(4) if names is None else names)]
    assert all(equal(few[name], states[name]) for name in few)
    assert folder.read_result().test == everything.read_result().test


def test_what_is_no_checkpoint_stays(settings, tmp_path):
    class PutAside:
        def __call__(self, event):
            if at_step(9)(event):
                (folder.checkpoints / "epoch-0000-mine").mkdir()
                (folder.checkpoints / "epoch-99999").mkdir()  # newer, whosever it is

    folder = RunFolder.of(tmp_path, settings())
    fit(settings(keep_last=1), out=tmp_path, on_event=PutAside())
    names = sorted(path.name for path in folder.checkpoints.iterdir())
    assert names == ["epoch-0000-mine", "epoch-0003", "epoch-99999"]


@pytest.mark.parametrize("step", [1, 13, 17])
def test_a_resumed_run_keeps_the_newest(settings, tmp_path, step):
    chosen = settings(keep_last=2, log_every=1)
    straight = fit(chosen, out=tmp_path / "straight")
    with pytest.raises(TrainingInterrupted):
        fit(chosen, out=tmp_path / "stopped", on_event=PressCtrlC(at_step(step)))
    folder = RunFolder.of(tmp_path / "stopped", chosen)
    resume(folder.path)
    expected, got = kept(RunFolder(straight.folder)), kept(folder)
    assert sorted(got) == sorted(expected) == ["epoch-0002", "epoch-0003"]
    assert all(equal(expected[name], got[name]) for name in expected)


def test_an_old_one_goes_once_the_new_one_is_whole(settings, tmp_path, monkeypatch):
    chosen = settings(keep_last=1)
    with monkeypatch.context() as patch:
        FullDisk(patch, "config.json", after=3)  # epoch 0, epoch 1 and its best weights
        with pytest.raises(OSError, match="No space left"):
            fit(chosen, out=tmp_path)
    folder = RunFolder.of(tmp_path, chosen)
    assert sorted(kept(folder)) == ["epoch-0001"]  # it loads
    resume(folder.path)
    assert sorted(kept(folder)) == ["epoch-0003"]


def test_one_that_is_removed_is_never_there_in_part(settings, tmp_path, monkeypatch):
    """Killed while the files of the old one are deleted."""

    def killed(path):
        next(file for file in path.iterdir() if file.suffix == ".json").unlink()
        raise KeyboardInterrupt

    chosen = settings(keep_last=1)
    folder = RunFolder.of(tmp_path, chosen)
    with monkeypatch.context() as patch:
        patch.setattr("qimlp.files.write.remove", lambda path: path.is_dir() and killed(path))
        with pytest.raises(KeyboardInterrupt):
            fit(chosen, out=tmp_path)
    left = {path.name for path in folder.checkpoints.iterdir() if not path.name.startswith(".")}
    assert left == {"epoch-0001"}
    assert leftovers(folder.path)
    resume(folder.path)
    assert {path.name for path in folder.checkpoints.iterdir()} == {"epoch-0003"}
