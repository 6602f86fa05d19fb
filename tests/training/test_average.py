"""The moving average of the weights."""

import pytest
import torch

from qimlp import MLP
from qimlp.training.average import WeightAverage


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
