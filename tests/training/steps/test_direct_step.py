"""The direct step is the plain one, bit for bit."""

import copy

import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.optim import AdamW

from qimlp import MLP, QiMLP
from qimlp.tasks import Classification
from qimlp.training.steps.direct import DirectStep

NETWORKS = {
    "QiMLP": lambda: QiMLP([(4, 5), (3, 7), (2, 5)]),
    "rank 2": lambda: QiMLP([(4, 5), (3, 7), (2, 5)], rank=2, bias="dense"),
    "MLP": lambda: MLP([20, 30, 10], dropout=0.0),
}


def draw(count, features, classes, seed):
    random = torch.Generator().manual_seed(seed)
    inputs = torch.randn(count, features, generator=random)
    return inputs, torch.randint(classes, (count,), generator=random)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("network", NETWORKS)
def test_it_is_the_plain_step(network, dtype, smoothing):
    torch.manual_seed(0)
    plain = NETWORKS[network]().to(dtype)
    direct = copy.deepcopy(plain)
    options = {"lr": 0.01, "betas": (0.9, 0.99), "weight_decay": 0.01, "fused": True}
    plain_optimizer, optimizer = (AdamW(m.parameters(), **options) for m in (plain, direct))
    task = Classification(tuple("0123456789"), label_smoothing=smoothing)
    step = DirectStep(optimizer, lambda x: direct(x.to(dtype)).float(), task)
    for seed, count in enumerate((50, 50, 17, 50)):
        inputs, labels = draw(count, 20, 10, seed)
        expected = cross_entropy(plain(inputs.to(dtype)).float(), labels, label_smoothing=smoothing)
        expected.backward()
        plain_optimizer.step()
        plain_optimizer.zero_grad()
        assert torch.equal(step(inputs, labels), expected)
    pairs = zip(direct.named_parameters(), plain.parameters(), strict=True)
    assert all(torch.equal(here, there) for (_, here), there in pairs)
