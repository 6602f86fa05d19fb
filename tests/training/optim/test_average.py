"""The moving average of the weights."""

import pytest
import torch
from torch.optim.swa_utils import get_ema_multi_avg_fn

from qimlp import MLP
from qimlp.training.optim.average import WeightAverage


def constant(model, value):
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(value)


@pytest.mark.parametrize(("step", "decay"), [(0, 0.1), (8, 0.5), (10_000, 0.99)])
def test_one_update_against_the_formula(step, decay):
    model = MLP([3, 4, 2])
    constant(model, 0.0)
    average = WeightAverage(model, 0.99)
    constant(model, 1.0)
    average.update(step)
    for parameter in average.model.parameters():
        torch.testing.assert_close(parameter, torch.full_like(parameter, 1 - decay))


def test_the_average_is_apart_from_the_model():
    model = MLP([3, 4, 2])
    average = WeightAverage(model, 0.9)
    before = [parameter.clone() for parameter in average.model.parameters()]
    constant(model, 7.0)
    after = average.model.parameters()
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert not average.model.training
    assert not any(parameter.requires_grad for parameter in average.model.parameters())


def test_updates_are_torchs_bit_for_bit():
    torch.manual_seed(0)
    model = MLP([3, 4, 2])
    average = WeightAverage(model, 0.99)
    expected = [parameter.detach().clone() for parameter in model.parameters()]
    for step in range(2000, 2005):
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn(parameter.shape))
        average.update(step)
        get_ema_multi_avg_fn(0.99)(expected, [p.detach() for p in model.parameters()], step)
    assert all(map(torch.equal, average.model.parameters(), expected))
