"""Two processes train as one with the same global batch."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import safetensors.torch
import torch

from qimlp.training import fit
from qimlp.training.runs.folder import RunFolder

pytestmark = pytest.mark.skipif(
    not torch.distributed.is_available() or not torch.distributed.is_gloo_available(),
    reason="torch was built without gloo",
)

SCRIPT = """
import atexit
import os
import sys
import safetensors.torch
import torch
from qimlp.training import fit, resolve_settings
from qimlp.training.engine.train_state import TrainState
from qimlp.settings.settings_file import read_settings_file
from pathlib import Path

out = Path(sys.argv[1])
use_best = TrainState.use_best


def spy(self):
    assert self.processes.size == 2
    state = {name: tensor.contiguous() for name, tensor in self.network.state_dict().items()}
    safetensors.torch.save_file(state, out / f"rank-{self.processes.rank}.safetensors")
    use_best(self)


def left_open():
    if torch.distributed.is_initialized() and torch.distributed.get_backend() == "gloo":
        os._exit(9)


atexit.register(left_open)
TrainState.use_best = spy
settings = resolve_settings(file=read_settings_file(out / "given.json"))
events = []
fit(settings, out=out / "two", on_event=events.append)
assert bool(events) == (os.environ["RANK"] == "0")
"""


def launch(script: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # accelerate launch starts several CPU processes only through MPI; torchrun needs nothing.
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc_per_node", "2", str(script), *arguments]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


@pytest.mark.parametrize("device", ["cpu", "auto"])
def test_two_processes_agree_with_each_other_and_with_one(settings, tmp_path, device):
    if device == "auto" and torch.accelerator.is_available():
        pytest.skip("here auto is one accelerator, not two")
    # 80 training examples in global batches of 12: the last one holds 8.
    chosen = settings(batch_size=12, dtype="float64", device=device)
    (tmp_path / "given.json").write_text(json.dumps(chosen.model_dump(mode="json")))
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = launch(script, str(tmp_path))
    assert done.returncode == 0, done.stderr

    ranks = [safetensors.torch.load_file(tmp_path / f"rank-{n}.safetensors") for n in (0, 1)]
    assert len(ranks[0]) == 8
    for name, tensor in ranks[0].items():
        assert torch.equal(tensor, ranks[1][name]), name

    two = RunFolder.of(tmp_path / "two", chosen).read_result()
    one = fit(chosen, out=tmp_path / "one")
    assert two is not None
    assert two.dev_curve == one.dev_curve
    assert two.test["accuracy"] == one.test["accuracy"]
    assert two.test["loss"] == pytest.approx(one.test["loss"], rel=1e-5)
    last = safetensors.torch.load_file(RunFolder.of(tmp_path / "one", chosen).state_file)
    for name, tensor in ranks[0].items():
        torch.testing.assert_close(tensor, last[f"model.{name}"], rtol=1e-6, atol=1e-9)
