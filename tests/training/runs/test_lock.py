"""One process at a time in a run folder."""

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from qimlp.training import EpochDone, RunStarted, TrainingInterrupted, fit, resume
from qimlp.training.engine.errors import RunInUseError
from qimlp.training.runs.folder import RunFolder
from qimlp.training.runs.lock import hold


def refused(call, *arguments, **options):
    """Call from another thread, whose handle of the lock is its own, as another process's is."""
    with ThreadPoolExecutor(1) as threads:
        error = threads.submit(call, *arguments, **options).exception()
    assert isinstance(error, RunInUseError)
    assert "is in use by another process" in str(error)
    assert "\n" not in str(error)


@pytest.mark.parametrize("goes_on", [False, True])
def test_a_run_in_training_is_left_alone(settings, tmp_path, goes_on):
    chosen = settings()
    folder = RunFolder.of(tmp_path, chosen)
    seen = []

    def disturb(event):
        if isinstance(event, EpochDone):
            refused(resume, folder.path)
            refused(fit, chosen, out=tmp_path, overwrite=True)
            seen.append(event)

    def press(event):
        if isinstance(event, RunStarted):
            signal.raise_signal(signal.SIGINT)

    if goes_on:
        with pytest.raises(TrainingInterrupted):
            fit(chosen, out=tmp_path, on_event=press)
        resume(folder.path, on_event=disturb)
    else:
        fit(chosen, out=tmp_path, on_event=disturb)
    assert len(seen) == chosen.epochs
    assert folder.read_result() is not None
    fit(chosen, out=tmp_path, overwrite=True)


def test_the_lock_of_a_killed_process_is_free(tmp_path):
    script = (
        "import os, sys; from pathlib import Path; from qimlp.training.runs.lock import hold\n"
        "with hold(Path(sys.argv[1])): print('held'); sys.stdout.flush(); os._exit(1)"
    )
    file = tmp_path / ".lock"
    done = subprocess.run(
        [sys.executable, "-c", script, str(file)], capture_output=True, text=True, check=False
    )
    assert done.stdout == "held\n", done.stderr
    with hold(file):
        refused(hold(file).__enter__)
