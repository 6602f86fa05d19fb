"""What the layer costs on this machine, against `nn.Linear` and against the machine's floor.

Shared by `qimlp bench` and the programs under `benchmarks/`; needs torch alone.
"""

from qimlp.bench.case import BOTH, TABLE, Case
from qimlp.bench.environment import setting
from qimlp.bench.extra_memory import ExtraMemory, measure_extra_memory
from qimlp.bench.floor import Machine
from qimlp.bench.formatting import seconds, times
from qimlp.bench.implementations import LINEAR, OURS, WrongResultError
from qimlp.bench.layer import MeasuredLayer, measure_layer
from qimlp.bench.memory_check import require_memory
from qimlp.bench.training_step import MLP, STEPS, MeasuredStep, measure_step
from qimlp.bench.verdict import answer

__all__ = [
    "BOTH",
    "LINEAR",
    "MLP",
    "OURS",
    "STEPS",
    "TABLE",
    "Case",
    "ExtraMemory",
    "Machine",
    "MeasuredLayer",
    "MeasuredStep",
    "WrongResultError",
    "answer",
    "measure_extra_memory",
    "measure_layer",
    "measure_step",
    "require_memory",
    "seconds",
    "setting",
    "times",
]
