"""The direct step is the plain one, bit for bit; torch's cross-entropy is the definition."""

import copy

import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.optim import AdamW

from qimlp import MLP, QiMLP
from qimlp.training.steps.direct import DirectStep, loss_and_gradient

NETWORKS = {
    "QiMLP": lambda: QiMLP([(4, 5), (3, 7), (2, 5)]),
    "rank 2": lambda: QiMLP([(4, 5), (3, 7), (2, 5)], rank=2, bias="dense"),
    "MLP": lambda: MLP([20, 30, 10], dropout=0.0),
}


def draw(count, features, classes, seed):
    random = torch.Generator().manual_seed(seed)
    inputs = torch.randn(count, features, generator=random)
    return inputs, torch.randint(classes, (count,), generator=random)


@pytest.mark.parametrize("smoothing", [0.0, 0.05, 0.1, 0.3])
@pytest.mark.parametrize(("count", "classes"), [(1, 2), (50, 10), (37, 10), (128, 20), (64, 1000)])
def test_loss_and_gradient_are_torchs(count, classes, smoothing):
    for seed, scale in enumerate((0.01, 1.0, 1.0, 30.0)):
        logits, labels = draw(count, classes, classes, seed)
        logits = (scale * logits).requires_grad_()
        expected = cross_entropy(logits, labels, label_smoothing=smoothing)
        expected.backward()
        loss, gradient = loss_and_gradient(logits.detach(), labels, smoothing)
        assert torch.equal(loss, expected)
        assert torch.equal(gradient, logits.grad)


def test_logits_that_are_not_finite_make_a_loss_that_is_not():
    logits, labels = draw(5, 3, 3, seed=0)
    logits[2] = float("nan")
    assert not loss_and_gradient(logits, labels, 0.1)[0].isfinite()


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("network", NETWORKS)
def test_it_is_the_plain_step(network, dtype, smoothing):
    torch.manual_seed(0)
    plain = NETWORKS[network]().to(dtype)
    direct = copy.deepcopy(plain)
    options = {"lr": 0.01, "betas": (0.9, 0.99), "weight_decay": 0.01, "fused": True}
    plain_optimizer, optimizer = (AdamW(m.parameters(), **options) for m in (plain, direct))
    step = DirectStep(optimizer, lambda x: direct(x.to(dtype)).float(), smoothing)
    for seed, count in enumerate((50, 50, 17, 50)):
        inputs, labels = draw(count, 20, 10, seed)
        expected = cross_entropy(plain(inputs.to(dtype)).float(), labels, label_smoothing=smoothing)
        expected.backward()
        plain_optimizer.step()
        plain_optimizer.zero_grad()
        assert torch.equal(step(inputs, labels), expected)
    pairs = zip(direct.named_parameters(), plain.parameters(), strict=True)
    assert all(torch.equal(here, there) for (_, here), there in pairs)
