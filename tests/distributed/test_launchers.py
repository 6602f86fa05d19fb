"""`torchrun` and `accelerate launch` themselves, as the how-to on two machines has them."""

import os
import signal
import subprocess
import sys
import time

import pytest
import torch

from tests.distributed.conftest import free_port
from tests.distributed.test_failures import RUN, run_folder, wait_for_epochs, weights
from tests.tiny_runs import write_tiny

pytestmark = pytest.mark.skipif(
    not torch.distributed.is_available() or not torch.distributed.is_gloo_available(),
    reason="torch was built without gloo",
)
TORCHRUN = ["torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
ACCELERATE = ["accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"]
ACCELERATE += ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"]


def launched(launcher, *arguments):
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", *launcher, "-m", "qimlp", "train", *arguments]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=env)


def test_torchrun_is_ended_and_accelerate_goes_on(tmp_path):
    data = write_tiny(tmp_path / "tiny.npz")
    job = launched(TORCHRUN, str(data), *RUN, "--out", str(tmp_path / "a"))
    wait_for_epochs(tmp_path / "a")
    job.send_signal(signal.SIGTERM)
    said = job.communicate(timeout=100)[1]
    assert job.returncode != 0
    assert [line.split(" after ")[0] for line in said.splitlines() if "qimlp:" in line] == [
        "qimlp: interrupted"
    ]
    assert not (run_folder(tmp_path / "a") / "result.json").exists()

    again = [*ACCELERATE, "--main_process_port", str(free_port())]
    job = launched(again, "--resume", str(run_folder(tmp_path / "a")))
    said = job.communicate(timeout=200)[1]
    assert job.returncode == 0, said
    assert (run_folder(tmp_path / "a") / "result.json").exists()


def test_a_killed_worker_ends_torchrun_within_a_minute(tmp_path):
    data = write_tiny(tmp_path / "tiny.npz")
    job = launched(TORCHRUN, str(data), *RUN, "--out", str(tmp_path / "a"))
    wait_for_epochs(tmp_path / "a")
    children = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(job.pid)], capture_output=True, text=True, check=True
    )
    begun = time.monotonic()
    os.kill(int(children.stdout.split()[0]), signal.SIGKILL)
    said = job.communicate(timeout=60)[1]
    assert time.monotonic() < begun + 60
    assert job.returncode == 1  # torchrun's, whose own report follows
    (line,) = [line for line in said.splitlines() if "qimlp:" in line]
    assert " of 2 has ended or does not answer; then resume, with as many processes: " in line
    assert weights(tmp_path / "a")
