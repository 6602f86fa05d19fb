"""Two machines, as far as one can be two: network namespaces that a cable joins.

Each has its own addresses and ports and sees nothing else, not even this machine.
"""

import json
import os
import shutil
import subprocess
import sys

import pytest
import torch

from tests.distributed.test_agreement import require_same
from tests.tiny_runs import write_tiny

SETTINGS = ["--dims", "4x4,4x4,3x1", "--epochs", "3", "--batch-size", "12", "--device", "cpu"]
FIRST = "10.231.77.1"


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


@pytest.fixture
def machines():
    """Names of two namespaces, which find each other at 10.231.77.1 and .2 through eth0."""
    if not sys.platform.startswith("linux") or shutil.which("ip") is None:
        pytest.skip("needs Linux and the command ip")
    if not torch.distributed.is_available() or not torch.distributed.is_gloo_available():
        pytest.skip("torch was built without gloo")
    names = [f"qimlp-{os.getpid()}-{i}" for i in (1, 2)]
    try:
        try:
            for name in names:
                ip("netns", "add", name)
            first, second = names
            ip("-n", first, "link", "add", "eth0", "type", "veth", "peer", "eth0", "netns", second)
            for number, name in enumerate(names, 1):
                ip("-n", name, "addr", "add", f"10.231.77.{number}/24", "dev", "eth0")
                for device in ("lo", "eth0"):
                    ip("-n", name, "link", "set", device, "up")
        except subprocess.CalledProcessError as error:
            pytest.skip(f"this system allows no network namespaces: {error.stderr.strip()}")
        yield names
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)


def start(name, node, *arguments):
    """The how-to's command on one of the machines."""
    launcher = ["torch.distributed.run", "--nnodes", "2", "--nproc_per_node", "1"]
    launcher += ["--node_rank", str(node), "--master_addr", FIRST, "--master_port", "29500"]
    command = ["ip", "netns", "exec", name, sys.executable, "-m", *launcher, "-m", "qimlp", "train"]
    env = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "eth0"}
    return subprocess.Popen([*command, *arguments], stderr=subprocess.PIPE, text=True, env=env)


def test_two_machines_with_the_data_in_folders_of_their_own(machines, tmp_path):
    jobs = []
    for node, name in enumerate(machines):
        (tmp_path / name).mkdir()
        data = write_tiny(tmp_path / name / "tiny.npz")
        jobs.append(start(name, node, str(data), *SETTINGS, "--out", str(tmp_path / f"out-{node}")))
    for job in jobs:
        said = job.communicate(timeout=200)[1]
        assert job.returncode == 0, said
    alone = [sys.executable, "-m", "qimlp", "train", str(data), *SETTINGS]
    subprocess.run([*alone, "--out", str(tmp_path / "one")], check=True, timeout=200)
    require_same(tmp_path / "out-0", tmp_path / "one", 1e-5)
    assert json.loads((tmp_path / "out-0" / "comparison.json").read_text())
    assert not (tmp_path / "out-1").exists()  # the first process writes


def test_data_on_the_first_machine_alone(machines, tmp_path):
    data = write_tiny(tmp_path / "tiny.npz")
    given = [str(data), str(tmp_path / "nowhere.npz")]
    jobs = [
        start(name, node, given[node], *SETTINGS, "--out", str(tmp_path / "out"))
        for node, name in enumerate(machines)
    ]
    for node, job in enumerate(jobs):
        said = job.communicate(timeout=200)[1]
        assert job.returncode == 1  # torchrun's
        (line,) = [line for line in said.splitlines() if line.startswith("qimlp: error: ")]
        assert ("process 1 on " in line) == (node == 0)
        assert "nowhere.npz': there is no such file or folder" in line
