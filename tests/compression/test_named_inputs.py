"""Layers that a model calls with their input by name."""

import pytest
import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from qimlp import add_adapters_, compress_
from qimlp.compression import CompressionConfig, restore_


class Model(nn.Module):
    """A model that gives every layer its input by position, or by its name."""

    def __init__(self, by_name):
        super().__init__()
        self.by_name = by_name
        self.blocks = nn.ModuleList(
            [nn.Conv2d(3, 8, 3, padding=1), nn.Linear(6, 6), Conv1D(6, 6), nn.Linear(6, 4)]
        )

    def forward(self, x):
        for layer in self.blocks:
            name = "x" if isinstance(layer, Conv1D) else "input"
            x = torch.tanh(layer(**{name: x}) if self.by_name else layer(x))
        return x


def made(by_name):
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        return Model(by_name).double()


def batches():
    made_by = torch.Generator().manual_seed(1)
    return list(torch.randn(24, 3, 5, 6, dtype=torch.float64, generator=made_by).split(8))


@pytest.mark.parametrize(
    "config",
    [
        {"form": "low_rank"},
        {"form": "kronecker"},
        {"form": "kronecker", "sequential": False},
        {"tune_steps": 2},
    ],
)
def test_the_layers_are_those_of_a_model_that_calls_by_position(config):
    models = [made(by_name) for by_name in (False, True)]
    for model in models:
        report = compress_(model, CompressionConfig(ratio=1.5, **config), calibration=batches())
        assert report.replaced
    plain, named = (model.state_dict() for model in models)
    assert plain.keys() == named.keys()
    assert all(torch.equal(plain[name], named[name]) for name in plain)
    x = batches()[0]
    assert torch.equal(models[1](x), models[0](x))
    restore_(models[1])
    torch.testing.assert_close(models[1](x), models[0](x))


def test_adapters_take_it_too():
    model, x = made(by_name=True), batches()[0]
    before = model(x)
    assert len(add_adapters_(model)) == 4
    assert torch.equal(model(x), before)
