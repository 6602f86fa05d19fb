"""The first step takes what a step takes: it does not import torch's compiler."""

import subprocess
import sys

PROGRAM = """
import sys
import torch
from qimlp.models import TableNetwork
from qimlp.settings import OptimisationSettings
from qimlp.tasks import Classification
from qimlp.training.optim.build import build_optimizer, build_schedule
from qimlp.training.steps.direct import DirectStep

network, task = TableNetwork(3, [2], 2), Classification(("no", "yes"))
optimisation = OptimisationSettings(schedule=sys.argv[1])
optimizer = build_optimizer(network, optimisation)
schedule = build_schedule(optimizer, optimisation, 10)
step = DirectStep(optimizer, network.train(), task, members=network.members)
for _ in range(3):
    step(torch.ones(5, 4), torch.ones(5, dtype=torch.int64))
    schedule.step()
optimizer.load_state_dict(optimizer.state_dict())
print("torch._dynamo" in sys.modules)
"""


def imports_the_compiler(schedule):
    command = [sys.executable, "-W", "error", "-c", PROGRAM, schedule]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_compiler_stays_out():
    assert imports_the_compiler("one-cycle") == "False"


def test_torchs_own_schedules_do_not_miss_a_step():
    assert imports_the_compiler("cosine") in ("False", "True")  # and no warning, which would fail
