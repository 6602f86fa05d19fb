"""Commands in processes of their own that can be killed without warning."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from qimlp.cli.app import run

LOG = "log.txt"
_POLL_SECONDS = 0.01


class Child(Protocol):
    """A command that runs."""

    def poll(self) -> int | None:
        """Return its exit code; None while it runs."""

    def kill(self) -> None:
        """End it at once, as `kill -9` does, and all its processes."""


class Forked:
    """One `qimlp` command in a fork of this process, which has loaded all libraries.

    Args:
        arguments: What stands behind `qimlp`.
        folder: Where it runs; what it prints is added to `log.txt` there.
    """

    def __init__(self, arguments: Sequence[str], folder: Path) -> None:
        self._code: int | None = None
        self._pid = os.fork()
        if self._pid == 0:
            code = 70
            try:
                os.chdir(folder)
                log = os.open(LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
                os.dup2(log, 1)
                os.dup2(log, 2)
                code = run(arguments)
            finally:
                os._exit(code)

    def poll(self) -> int | None:
        """Return its exit code; None while it runs."""
        if self._code is None:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid:
                self._code = os.waitstatus_to_exitcode(status)
        return self._code

    def kill(self) -> None:
        """End it at once."""
        os.kill(self._pid, signal.SIGKILL)
        _, status = os.waitpid(self._pid, 0)
        self._code = os.waitstatus_to_exitcode(status)


class Launched:
    """One `qimlp` command in two processes under torchrun.

    Args:
        arguments: What stands behind `qimlp`.
        folder: Where it runs; what it prints is added to `log.txt` there.
    """

    def __init__(self, arguments: Sequence[str], folder: Path) -> None:
        launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
        with (folder / LOG).open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, *launcher, "-m", "qimlp", *arguments],
                cwd=folder,
                stdout=log,
                stderr=log,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )

    def poll(self) -> int | None:
        """Return the launcher's exit code; None while it runs."""
        return self._process.poll()

    def kill(self) -> None:
        """End the workers at once, then the launcher, which would start nothing again."""
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children")
        for child in children.read_text().split() if children.exists() else ():
            os.kill(int(child), signal.SIGKILL)
        self._process.kill()
        self._process.wait()


def wait(child: Child, seconds: float) -> int | None:
    """Wait for a command.

    Args:
        child: The command.
        seconds: For so long at most.

    Returns:
        Its exit code; None where it still runs.
    """
    end = time.monotonic() + seconds
    while child.poll() is None and (left := end - time.monotonic()) > 0:
        time.sleep(min(_POLL_SECONDS, left))
    return child.poll()
