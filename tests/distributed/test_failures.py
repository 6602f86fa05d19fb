"""What goes wrong in one of several processes ends all of them in one line, and can go on."""

import os
import signal
import socket
import time
from pathlib import Path

import pytest
import safetensors.torch
import torch

from tests.distributed.conftest import free_port, places

EPOCHS = 60
RUN = ["--dims", "4x4,4x4,3x1", "--epochs", str(EPOCHS), "--batch-size", "12", "--device", "cpu"]
RUN += ["--log-every", "2"]
LOST = "qimlp: error: process 1 of 2 has ended or does not answer; then resume, with as many "


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    from tests.tiny_runs import write_tiny

    return str(write_tiny(tmp_path_factory.mktemp("data") / "tiny.npz"))


@pytest.fixture(scope="module")
def whole(module_starter, data, tmp_path_factory):
    """The weights at the end of a run of two processes that nothing has disturbed."""
    out = tmp_path_factory.mktemp("whole")
    assert module_starter.run(["train", data, *RUN, "--out", str(out)], places(2), 200) == [0, 0]
    return weights(out)


def run_folder(out: Path) -> Path:
    (folder,) = out.glob("*/seed-0")
    return folder


def weights(out: Path) -> dict[str, torch.Tensor]:
    tensors = safetensors.torch.load_file(run_folder(out) / "last" / "state.safetensors")
    return {name: t for name, t in tensors.items() if name.startswith(("model.", "best."))}


def wait_for_epochs(out: Path, count: int = 2) -> None:
    """Until a run has written its state of some epochs."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        done = [*out.glob("*/seed-0/metrics.jsonl")]
        states = [*out.glob("*/seed-0/last/state.safetensors")]
        if done and states and len(done[0].read_text().splitlines()) >= count:
            return
        time.sleep(0.01)
    pytest.fail("the run has not begun")


def require_resumed(starter, out: Path, whole: dict[str, torch.Tensor]) -> None:
    assert not (run_folder(out) / "result.json").exists()
    codes = starter.run(["train", "--resume", str(run_folder(out))], places(2), 200)
    assert codes == [0, 0], starter.lines()
    found = weights(out)
    assert found.keys() == whole.keys()
    for name, tensor in whole.items():
        assert torch.equal(found[name], tensor), name


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_lost_process_ends_the_others_in_a_line_and_the_run_goes_on(
    how, starter, data, whole, tmp_path
):
    command = ["train", data, *RUN, "--process-timeout", "5", "--out", str(tmp_path)]
    pids = starter.start(command, places(2))
    wait_for_epochs(tmp_path)
    begun = time.monotonic()
    os.kill(pids[1], how)
    if how == signal.SIGSTOP:  # a launcher kills it as soon as the other has ended
        while "qimlp" not in starter.said(0):
            assert time.monotonic() < begun + 60
            time.sleep(0.05)
        os.kill(pids[1], signal.SIGKILL)
    assert starter.wait() == [2, -signal.SIGKILL]
    assert time.monotonic() < begun + 60
    wanted = f"{LOST}processes: qimlp train --resume {run_folder(tmp_path)}"
    assert starter.lines() == [wanted]
    require_resumed(starter, tmp_path, whole)


def test_the_process_that_all_meet_at_may_be_the_lost_one(starter, data, tmp_path):
    pids = starter.start(["train", data, *RUN, "--out", str(tmp_path)], places(3))
    wait_for_epochs(tmp_path)
    os.kill(pids[0], signal.SIGKILL)
    assert starter.wait() == [-signal.SIGKILL, 2, 2]
    assert all("error: process 0 of 3 has ended or does not" in line for line in starter.lines())


def test_sigterm_saves_the_state_and_is_said_once(starter, data, whole, tmp_path):
    pids = starter.start(["train", data, *RUN, "--out", str(tmp_path)], places(2))
    wait_for_epochs(tmp_path)
    for _ in range(2):  # from the scheduler, and from the launcher
        for pid in pids:
            os.kill(pid, signal.SIGTERM)
    assert starter.wait() == [143, 143]
    (line,) = starter.lines()
    assert line.startswith("qimlp: interrupted after ")
    require_resumed(starter, tmp_path, whole)


def test_a_port_in_use(starter, data, tmp_path):
    with socket.create_server(("", 0)) as other:
        port = other.getsockname()[1]
        argv = ["train", data, *RUN, "--process-timeout", "5", "--out", str(tmp_path)]
        codes = starter.run(argv, places(2, MASTER_PORT=str(port)))
    assert codes == [2, 2]
    first, second = starter.lines()
    assert first == (
        f"qimlp: error: MASTER_PORT {port}: it is in use on this machine; choose another one, the "
        "same in every process"
    )
    assert f"what answers at 127.0.0.1:{port} is not the place where these processes" in second


@pytest.mark.parametrize(
    ("ranks", "address", "line"),
    [
        ([0], "127.0.0.1", "2 processes were asked for, but process 1 did not come within 5 s"),
        ([1], "127.0.0.1", "process 0 cannot be reached at 127.0.0.1:PORT within 5 s"),
        ([1], "no.machine.invalid", "MASTER_ADDR no.machine.invalid: no machine is known by this"),
        ([1], "", "WORLD_SIZE is 2, but MASTER_ADDR is not set"),
    ],
)
def test_too_few_processes_and_wrong_addresses(ranks, address, line, starter, data, tmp_path):
    port = str(free_port())
    envs = [places(2, MASTER_ADDR=address, MASTER_PORT=port)[rank] for rank in ranks]
    argv = ["train", data, *RUN, "--process-timeout", "5", "--out", str(tmp_path)]
    begun = time.monotonic()
    assert starter.run(argv, [{**env, "MASTER_PORT": port} for env in envs]) == [2]
    assert time.monotonic() < begun + 40
    (said,) = starter.lines()
    assert said.startswith(f"qimlp: error: {line.replace('PORT', port)}")


def test_two_machines_of_one_number(starter, data, tmp_path):
    envs = places(2)
    envs[1] = {**envs[1], "RANK": "0", "TORCHELASTIC_USE_AGENT_STORE": "True"}
    codes = starter.run(["train", data, *RUN, "--out", str(tmp_path)], envs)
    assert codes == [2, 2]
    assert any("two processes have rank 0: give every machine" in s for s in starter.lines())


@pytest.mark.parametrize("without", [0, 1])
def test_data_that_one_process_has_not(without, starter, data, tmp_path):
    own = [["train", data, *RUN, "--out", str(tmp_path)] for _ in range(2)]
    own[without][1] = "/nowhere/data.npz"
    envs = [{**env, "GROUP_RANK": str(i)} for i, env in enumerate(places(2))]  # two machines
    assert starter.run(own, envs) == [2, 2]
    lines = [starter.said(without), starter.said(1 - without)]
    reason = "'/nowhere/data.npz': there is no such file or folder"
    assert all(line.count("\n") == 1 and reason in line for line in lines)
    assert f"error: process {without} on " in lines[1]
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("more", "name"), [(["--lr", "0.5", "--log-every", "9"], "lr"), (["--seeds", "3"], "seed")]
)
def test_settings_that_differ(more, name, starter, data, tmp_path):
    base = ["train", data, *RUN, "--out", str(tmp_path)]
    assert starter.run([base, [*base, *more]], places(2)) == [2, 2]
    (line,) = starter.lines()
    assert f"error: process 1 on {socket.gethostname()} has another {name}" in line
    assert not [*tmp_path.iterdir()]


def test_data_that_differs_under_one_name(starter, data, tmp_path):
    from tests.tiny_runs import write_tiny

    for name, seed in (("a", 0), ("b", 1)):
        (tmp_path / name).mkdir()
        write_tiny(tmp_path / name / "tiny.npz", seed=seed)
    own = [
        ["train", str(tmp_path / n / "tiny.npz"), *RUN, "--out", str(tmp_path / "o")] for n in "ab"
    ]
    assert starter.run(own, places(2)) == [2, 2]
    (line,) = starter.lines()
    assert "has another data, preparation of the data than process 0" in line


def test_only_the_first_process_writes(starter, data, tmp_path):
    few = [*RUN, "--epochs", "2"]
    own = [["train", data, *few, "--out", out] for out in (str(tmp_path), "/proc/nowhere")]
    assert starter.run(own, places(2), 100) == [0, 0]
    assert starter.run(own[::-1], places(2)) == [2, 2]
    (line,) = starter.lines()
    assert line.startswith("qimlp: error: /proc/nowhere")
