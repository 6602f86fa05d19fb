"""A disk that is really full, at every size: what was saved before stays, and the run goes on."""

import errno
import os
import subprocess
import sys

import pytest
import torch

from qimlp.models import load_pretrained
from qimlp.training import fit, resume
from qimlp.training.recording.state_file import find_state
from qimlp.training.runs.folder import RunFolder
from tests.training.runs.test_full_disk import leftovers
from tests.training.runs.test_resume import tensors

KIB = 1024
SIZES = range(20, 240, 10)


class Disk:
    """A file system of its own in memory."""

    def __init__(self, path):
        self.path = path

    def resize(self, kib):
        self._mount("remount,", kib)

    def _mount(self, more, kib):
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"{more}size={kib}k", "tmpfs", self.path],
            check=True,
            capture_output=True,
        )


@pytest.fixture
def disk(tmp_path):
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root mounts a file system, and on Linux it is a tmpfs")
    own = Disk(tmp_path / "disk")
    own.path.mkdir()
    try:
        own._mount("", SIZES[0])
    except (subprocess.CalledProcessError, FileNotFoundError):
        pytest.skip("this system does not let root mount a tmpfs")
    yield own
    subprocess.run(["umount", own.path], check=True)


def test_whatever_does_not_fit_loses_nothing_that_was_there(settings, tmp_path, disk):
    chosen = settings(checkpoints=True)
    straight = fit(chosen, out=tmp_path / "straight")
    expected, refused, steps = tensors(RunFolder(straight.folder)), set(), set()
    for kib in SIZES:
        disk.resize(kib)
        out = disk.path / f"{kib}"
        folder = RunFolder.of(out, chosen)
        try:
            fit(chosen, out=out)
        except OSError as error:
            refused.add((error.errno, str(error.filename).rpartition("/")[2]))
        assert not leftovers(out)
        disk.resize(4000)
        if folder.path.exists():
            state = find_state(folder.state_file)
            steps.add(0 if state is None else state.info["step"])
            for kept in folder.checkpoints.glob("*"):
                load_pretrained(kept)
            resumed = resume(folder.path)
        else:
            resumed = fit(chosen, out=out)
        assert resumed.test == straight.test
        got = tensors(folder)
        assert all(torch.equal(tensor, got[name]) for name, tensor in expected.items())
        assert sorted(path.name for path in folder.checkpoints.iterdir()) == [
            f"epoch-{n:04d}" for n in range(4)
        ]
        subprocess.run(["rm", "-r", out], check=True)
    assert steps >= {0, 8, 16}
    assert {number for number, _ in refused} == {errno.ENOSPC}
    assert {file for _, file in refused} >= {"state.safetensors", "model.safetensors"}


def test_old_checkpoints_make_room_for_new_ones(settings, tmp_path, disk):
    """Where all of them would not fit, the newest do."""
    disk.resize(150)
    with pytest.raises(OSError, match="No space left"):
        fit(settings(checkpoints=True, epochs=12), out=disk.path / "all")
    subprocess.run(["rm", "-r", disk.path / "all"], check=True)
    folder = RunFolder(fit(settings(keep_last=1, epochs=12), out=disk.path / "few").folder)
    assert [path.name for path in folder.checkpoints.iterdir()] == ["epoch-0012"]
