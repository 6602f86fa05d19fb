"""Two processes distill as one with the same batches."""

import json
import os
import subprocess
import sys

import pytest
import safetensors.torch
import torch

pytestmark = pytest.mark.skipif(
    not torch.distributed.is_available() or not torch.distributed.is_gloo_available(),
    reason="torch was built without gloo",
)

SCRIPT = """
import json, os, sys
import safetensors.torch
import torch
from torch import nn
from qimlp.training import distill


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(6, 8), nn.GELU(), nn.Linear(8, 3))
        self.unused = nn.Linear(2, 2)

    def forward(self, x):
        return self.layers(x)


torch.manual_seed(0)
teacher, student = Network().double(), Network().double()
batches = torch.randn(64, 6, dtype=torch.float64).split(16)
dev = torch.randn(32, 6, dtype=torch.float64).split(8)
found = distill(student, teacher, batches, steps=12, epochs=3, lr=0.01, loss="kl", dev=dev)
assert student.unused.weight.requires_grad
name = os.environ.get("RANK", "one")
safetensors.torch.save_file(student.state_dict(), f"{sys.argv[1]}/{name}.safetensors")
with open(f"{sys.argv[1]}/{name}.json", "w") as file:
    json.dump([found.steps, found.before, found.after], file)
"""


def test_two_processes_agree_with_each_other_and_with_one(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    two = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    for launcher in ([], two):
        done = subprocess.run(
            [sys.executable, *launcher, str(script), str(tmp_path)],
            capture_output=True,
            text=True,
            check=False,
            timeout=200,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        assert done.returncode == 0, done.stderr
    states = [safetensors.torch.load_file(tmp_path / f"{n}.safetensors") for n in ("0", "1", "one")]
    for name, tensor in states[2].items():
        assert torch.equal(states[0][name], states[1][name])
        torch.testing.assert_close(tensor, states[0][name], rtol=0, atol=1e-6)
    zero, first, one = (json.loads((tmp_path / f"{n}.json").read_text()) for n in ("0", "1", "one"))
    assert zero == first
    assert zero == pytest.approx(one, rel=1e-4)
    assert one[0] == 12
    assert one[2] < one[1]
