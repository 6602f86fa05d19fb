"""The command in odd surroundings: closed streams, other locales, signals, no terminal any more."""

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from qimlp.training.runs.folder import RunFolder

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals and descriptors")
COMMAND = [sys.executable, "-m", "qimlp"]


def shell(line, **environment):
    """Run a line of the shell in which $Q is the command."""
    given = {**os.environ, "Q": " ".join(COMMAND), **environment}
    given = {name: value for name, value in given.items() if value is not None}
    return subprocess.run(
        ["sh", "-c", line], capture_output=True, check=False, timeout=120, env=given
    )


@pytest.fixture
def data(tmp_path):
    x = np.random.default_rng(0).normal(size=(60, 16)).astype(np.float32)
    np.savez(tmp_path / "good.npz", x=x, y=np.arange(60) % 2)
    return tmp_path / "good.npz"


@pytest.fixture
def endless(data, tmp_path):
    """A training that does not end by itself, and its run folder."""
    out = tmp_path / "runs"
    options = ["--epochs", "100000", "--schedule", "constant", "--device", "cpu"]
    folder = RunFolder(out / "good-2b" / "seed-0")
    return [*COMMAND, "train", str(data), *options, "--out", str(out)], folder


def wait_for_an_epoch(process, folder):
    deadline = time.monotonic() + 120
    while not folder.metrics_file.exists() and time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("$Q plan 784 10 >&-", 0),
        ("$Q plan 784 10 <&- >&- 2>&-", 0),
        ("$Q plan 7 x >&- 2>&-", 2),
        ("$Q plan 7 x 2>&-", 2),
        ("$Q plan 784 10 --json > /dev/full", 2),
    ],
)
def test_closed_or_full_streams_are_no_traceback(line, code):
    done = shell(line)
    assert done.returncode == code
    assert done.stdout == b""
    full = b"qimlp: error: No space left on device\n"
    assert done.stderr == (full if "full" in line else b"")


def test_a_file_does_not_get_the_number_of_a_closed_stream(data, tmp_path):
    line = f"$Q train {data} --epochs 1 --device cpu --out {tmp_path / 'runs'} <&- >&- 2>&-"
    assert shell(line).returncode == 0
    folder = RunFolder(tmp_path / "runs" / "good-2b" / "seed-0")
    assert folder.read_result().best_epoch == 1
    assert len(folder.read_metrics()) == 1


def test_an_unknown_backend_of_matplotlib_does_not_matter(data, tmp_path):
    line = f"$Q train {data} --epochs 1 --device cpu --out {tmp_path / 'runs'}"
    done = shell(line, MPLBACKEND="nonsense", HOME=None, TERM="dumb")
    assert (done.returncode, done.stderr) == (0, b"")
    assert (tmp_path / "runs" / "comparison.png").stat().st_size > 1000


@pytest.mark.parametrize("arguments", ["plan 784 10", "train --help", "--help"])
def test_a_locale_without_such_characters_gets_question_marks(arguments):
    done = shell(f"$Q {arguments}", LC_ALL="C", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.isascii()
    assert len(done.stdout) > 500


def test_a_folder_that_cannot_be_written_is_one_line(data):
    done = shell(f"cd /sys && $Q train {data} --epochs 1 --device cpu")
    assert done.returncode == 2
    assert done.stderr.startswith(b"qimlp: error: ")
    assert done.stderr.count(b"\n") == 1
    assert b"runs" in done.stderr


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)]
)
def test_a_signal_saves_the_run(endless, number, code):
    command, folder = endless
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        wait_for_an_epoch(process, folder)
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert err.count(b"\n") == 1
    assert f"qimlp train --resume {folder.path}".encode() in err
    assert folder.state_file.is_file()


def test_a_time_limit_saves_the_run_before_it_is_over(endless):
    command, folder = endless
    started = time.time()
    done = subprocess.run(
        [*command, "--time-limit", "20s"], capture_output=True, check=False, timeout=120
    )
    assert folder.state_file.stat().st_mtime - started < 20
    assert done.returncode == 75, done.stderr
    assert done.stderr.startswith(b"qimlp: time limit of 20s: stopped after ")
    assert f"resume with: qimlp train --resume {folder.path} (all runs:".encode() in done.stderr
    assert done.stderr.count(b"\n") == 1
    epochs = len(folder.read_metrics())
    again = [*COMMAND, "train", "--resume", str(folder.path), "--time-limit", "0.2m"]
    assert subprocess.run(again, capture_output=True, check=False, timeout=120).returncode == 75
    assert len(folder.read_metrics()) > epochs > 0


@pytest.mark.parametrize("text", ["soon", "0m"])
def test_what_is_no_time_limit(text):
    done = shell(f"$Q train digits --time-limit {text}")
    assert done.returncode == 2
    assert b"expected a time such as 2h30m, 90m or 45s, got '" in done.stderr
    assert done.stderr.count(b"\n") == 1


def test_a_hang_up_is_ignored_under_nohup(endless):
    command, folder = endless
    ignore = "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN);"
    ignore += "os.execv(sys.argv[1], sys.argv[1:])"
    with subprocess.Popen(
        [sys.executable, "-c", ignore, *command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        wait_for_an_epoch(process, folder)
        process.send_signal(signal.SIGHUP)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=1)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode == 143


def test_a_terminal_that_is_closed_saves_the_run(endless):
    command, folder = endless
    process, terminal = pty.fork()
    if process == 0:
        os.execv(command[0], command)  # noqa: S606
    deadline = time.monotonic() + 120
    while not folder.metrics_file.exists() and time.monotonic() < deadline:
        os.read(terminal, 10_000)
    os.close(terminal)
    _, status = os.waitpid(process, 0)
    assert os.waitstatus_to_exitcode(status) == 129
    assert folder.state_file.is_file()


@pytest.mark.parametrize("module", ["torch", "typer", "qimlp.ops"])
def test_an_interruption_while_libraries_load_is_one_line(tmp_path, module):
    """Also of the very first ones: what the command runs first is ours."""
    script = f"""
import signal, sys

class Loading:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, Loading())
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores the signal
from qimlp.cli import main
main()
"""
    command = tmp_path / "qimlp"  # as pip installs it: the name is what makes it the command
    command.write_text(script)
    done = subprocess.run(
        [sys.executable, command, "bench"], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (130, "qimlp: interrupted\n")


def test_another_program_keeps_its_own_ctrl_c():
    script = "import signal, qimlp; print(signal.getsignal(signal.SIGINT).__name__)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert done.stdout == b"default_int_handler\n"
