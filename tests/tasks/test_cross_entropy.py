"""Torch's cross-entropy is the definition of the fast form, bit for bit."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from qimlp.tasks.classification import cross_entropy_and_gradient


def draw(count, classes, seed):
    random = torch.Generator().manual_seed(seed)
    logits = torch.randn(count, classes, generator=random)
    return logits, torch.randint(classes, (count,), generator=random)


@pytest.mark.parametrize("smoothing", [0.0, 0.05, 0.1, 0.3])
@pytest.mark.parametrize(("count", "classes"), [(1, 2), (50, 10), (37, 10), (128, 20), (64, 1000)])
def test_loss_and_gradient_are_torchs(count, classes, smoothing):
    for seed, scale in enumerate((0.01, 1.0, 1.0, 30.0)):
        logits, labels = draw(count, classes, seed)
        logits = (scale * logits).requires_grad_()
        expected = cross_entropy(logits, labels, label_smoothing=smoothing)
        expected.backward()
        loss, gradient = cross_entropy_and_gradient(logits.detach(), labels, smoothing)
        assert torch.equal(loss, expected)
        assert torch.equal(gradient, logits.grad)


def test_logits_that_are_not_finite_make_a_loss_that_is_not():
    logits, labels = draw(5, 3, seed=0)
    logits[2] = float("nan")
    assert not cross_entropy_and_gradient(logits, labels, 0.1)[0].isfinite()
