import pytest
import torch
from torch import nn

from qimlp import MLP, KroneckerLinear, QiMLP
from qimlp.training.optim.param_groups import param_groups


def by_parameter(groups):
    return {id(p): (g["lr"], g["weight_decay"]) for g in groups for p in g["params"]}


def test_every_parameter_stands_in_one_group():
    model = nn.Sequential(QiMLP([(4, 6), (6, 4), (2, 5)], rank=2), nn.BatchNorm1d(10), MLP([10, 3]))
    groups = param_groups(model, 1e-3, 0.1)
    listed = [id(p) for g in groups for p in g["params"]]
    assert sorted(listed) == sorted(id(p) for p in model.parameters())


def test_learning_rates():
    layer = KroneckerLinear(3072, 3072, True, in_dims=(48, 64), out_dims=(64, 48))
    rates = by_parameter(param_groups(layer, 1e-3))
    assert rates[id(layer.factors[0])][0] == pytest.approx(1e-3 * 3072 / (48 * 2))
    assert rates[id(layer.factors[1])][0] == pytest.approx(1e-3 * 3072 / (64 * 2))
    assert rates[id(layer.bias)][0] == pytest.approx(1e-3)
    same = by_parameter(param_groups(layer, 1e-3, scale=0))
    assert {rate for rate, _ in same.values()} == {1e-3}


@pytest.mark.parametrize("num_factors", [1, 2, 3])
@pytest.mark.parametrize("rank", [1, 3])
def test_decay_is_that_of_the_whole_weight(num_factors, rank):
    """One AdamW step on a zero gradient shrinks |W| by 1 - lr * decay, whatever the gauge."""
    layer = KroneckerLinear(64, 64, True, num_factors=num_factors, rank=rank).double()
    with torch.no_grad():
        layer.factors[0].mul_(10)
        layer.bias.fill_(1.0)
    lr, decay = 1e-4, 0.5
    before = layer.weight_matrix().detach().clone()
    optimizer = torch.optim.AdamW(param_groups(layer, lr, decay))
    for p in layer.parameters():
        p.grad = torch.zeros_like(p)
    optimizer.step()
    torch.testing.assert_close(layer.weight_matrix(), before * (1 - lr * decay), rtol=1e-8, atol=0)
    assert torch.equal(layer.bias, torch.ones_like(layer.bias))


def test_frozen_and_shared_parameters():
    layer = KroneckerLinear(16, 16)
    layer.factors[0].requires_grad_(False)
    model = nn.Sequential(layer, layer)
    listed = [id(p) for g in param_groups(model, 1e-3) for p in g["params"]]
    assert id(layer.factors[0]) not in listed
    assert len(listed) == len(set(listed)) == 3


@pytest.mark.parametrize("bad", [-1.0, float("nan"), float("inf")])
def test_bad_numbers(bad):
    with pytest.raises(ValueError, match="lr: expected a finite number"):
        param_groups(nn.Linear(2, 2), bad)
    with pytest.raises(ValueError, match="weight_decay"):
        param_groups(nn.Linear(2, 2), 1e-3, bad)
