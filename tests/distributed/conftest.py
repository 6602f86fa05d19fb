"""Several processes of the `qimlp` command, as a launcher would start them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    """A port that nobody listens at now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def places(size: int, **more: str) -> list[dict[str, str]]:
    """What a launcher sets for each of several processes on this machine."""
    port = str(free_port())
    common = {"WORLD_SIZE": str(size), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, **more}
    return [{**common, "RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(size)]


class Starter:
    """Starts processes of the command; see `starter.py`.

    Args:
        folder: Where their output goes.
    """

    def __init__(self, folder: Path) -> None:
        self.out = folder / "process"
        self._child = subprocess.Popen(
            [sys.executable, "-m", "tests.distributed.starter"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "TORCH_CPP_LOG_LEVEL": "ERROR"},
        )

    def start(self, argv: Sequence[Any], envs: Sequence[dict[str, str]]) -> list[int]:
        """Start a process for each environment and give their numbers."""
        asked = self._ask({"argv": list(argv), "envs": list(envs), "out": str(self.out)})
        return list(asked["pids"])

    def wait(self, seconds: float = 60) -> list[int | None]:
        """Wait for their end and give their exit codes; None for one that had to be killed."""
        return list(self._ask({"wait": seconds})["codes"])

    def run(
        self, argv: Sequence[Any], envs: Sequence[dict[str, str]], seconds: float = 60
    ) -> list[int | None]:
        """Start, and wait."""
        self.start(argv, envs)
        return self.wait(seconds)

    def said(self, number: int) -> str:
        """What a process wrote to standard error."""
        return Path(f"{self.out}.{number}.err").read_text()

    def lines(self) -> list[str]:
        """What all of them wrote to standard error, save progress."""
        count = len([*self.out.parent.glob("process.*.err")])
        every = [line for i in range(count) for line in self.said(i).splitlines()]
        return [line for line in every if line.startswith("qimlp:") or "Traceback" in line]

    def close(self) -> None:
        """End the starter."""
        self._child.communicate(timeout=20)

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(json.dumps(request) + "\n")
        self._child.stdin.flush()
        answer: dict[str, Any] = json.loads(self._child.stdout.readline())
        return answer


@pytest.fixture(scope="module")
def module_starter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starter]:
    """One starter for the tests of a module."""
    if not (torch.distributed.is_available() and torch.distributed.is_gloo_available()):
        pytest.skip("torch was built without gloo")
    if not sys.platform.startswith("linux"):
        pytest.skip("forks after torch is loaded, which other systems do not all bear")
    found = Starter(tmp_path_factory.mktemp("processes"))
    yield found
    found.close()


@pytest.fixture
def starter(module_starter: Starter) -> Starter:
    """The starter, with nothing of an earlier test."""
    for file in module_starter.out.parent.glob("process.*"):
        file.unlink()
    return module_starter
