"""Frozen layers to put adapters on, and adapters that add something."""

import copy

import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from qimlp import KroneckerLinear
from qimlp.nn import KroneckerAdapter
from qimlp.ops.methods import adapted

BASES = {
    "linear": lambda: nn.Linear(48, 36),
    "no bias": lambda: nn.Linear(48, 36, bias=False),
    "conv1d": lambda: Conv1D(36, 48),
    "conv2d": lambda: nn.Conv2d(12, 36, (2, 2), stride=2, padding=1, padding_mode="reflect"),
    "grouped": lambda: nn.Conv2d(36, 36, (2, 2), padding="same", dilation=2, groups=3),
    "kronecker": lambda: KroneckerLinear(48, 36),
}
DENSE = [name for name in BASES if name != "kronecker"]
FORMS = {
    "planned": {},
    "sum": {"rank": 3, "alpha": 2.0},
    "pair": {"in_dims": (6, 8), "out_dims": (4, 9), "factor_ranks": (None, 2), "scale": 0.3},
    "two pairs": {"rank": 2, "in_dims": (6, 8), "out_dims": (4, 9), "factor_ranks": (1, 2)},
    "three": {"num_factors": 3, "rank": 2, "scale": -1.5},
    "low rank": {"rank": 2, "in_dims": (1, 48), "out_dims": (36, 1), "alpha": 4},
    "one": {"num_factors": 1},
}


WAYS = ("together", "apart")


def force(monkeypatch, way):
    """Add the sum to the weight, or compute the two parts apart, whatever the number of rows."""
    monkeypatch.setattr(adapted, "_PASSES", (0, 0) if way == "together" else (1e30, 1e30))
    monkeypatch.setattr(adapted, "_chosen", adapted._chosen.__wrapped__)


def adapter(base="linear", form="planned", dtype=torch.float64):
    return KroneckerAdapter(BASES[base]().to(dtype), **FORMS[form])


def trained(base="linear", form="planned", dtype=torch.float64):
    """An adapter whose factors are all drawn."""
    return draw_all(adapter(base, form, dtype))


@torch.no_grad()
def draw_all(layer):
    for parameter in layer.parameters(recurse=False):
        parameter.normal_(std=0.5)
    return layer


def inputs(base="linear", rows=6, dtype=torch.float64):
    images = {"conv2d": (rows, 12, 4, 6), "grouped": (rows, 36, 4, 6)}
    size = images.get(base, (rows, 2, 48))
    return torch.randn(size, dtype=dtype, requires_grad=True)


def learning(layer):
    return [parameter for parameter in layer.parameters() if parameter.requires_grad]


@torch.no_grad()
def dense_twin_of(layer):
    """The base with the weight that the adapter acts by, built by `torch.kron`."""
    twin = copy.deepcopy(layer.base).requires_grad_()
    whole = sum(_kron([factor[c] for factor in layer.factors]) for c in range(layer.rank))
    whole = layer.scale * whole
    twin.weight += whole.t() if isinstance(twin, Conv1D) else whole.view(twin.weight.shape)
    return twin


def _kron(matrices):
    whole = matrices[0]
    for matrix in matrices[1:]:
        whole = torch.kron(whole, matrix.contiguous())
    return whole
