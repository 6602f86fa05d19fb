"""The full-matrix optimizer against its definition, AdamW, and problems that Adam finds hard."""

from types import SimpleNamespace

import pytest
import torch
from torch.optim import AdamW

from qimlp.training import can_be_stacked, fit
from qimlp.training.engine.open_step import check_step
from qimlp.training.optim.full_matrix import MAX_PARAMETERS, FullMatrixAdam

BETAS = (0.9, 0.95)


def gradients(steps, count):
    """Correlated ones: noise through a random matrix."""
    generator = torch.Generator().manual_seed(7)
    mix = torch.randn(count, count, generator=generator, dtype=torch.float64)
    noise = torch.randn(steps, count, generator=generator, dtype=torch.float64)
    return noise @ mix


def run(optimizer, parameters, steps):
    """Hand out the rows of `steps` as gradients; return the parameters, flat."""
    for row in steps:
        parts = row.split([parameter.numel() for parameter in parameters])
        for parameter, part in zip(parameters, parts, strict=True):
            parameter.grad = part.view_as(parameter).clone()
        optimizer.step()
    return torch.cat([parameter.detach().reshape(-1) for parameter in parameters])


def parameters():
    return [torch.ones(shape, dtype=torch.float64) for shape in ((2, 2), (2,), (1, 2, 1))]


def by_definition(steps, *, lr, interval):
    beta1, beta2 = BETAS
    count = steps.shape[1]
    x, mean = torch.ones(count, dtype=torch.float64), torch.zeros(count, dtype=torch.float64)
    moments, basis = torch.zeros(count, count, dtype=torch.float64), torch.eye(count).double()
    spread = torch.zeros(count, dtype=torch.float64)
    for step, g in enumerate(steps, 1):
        mean = beta1 * mean + (1 - beta1) * g
        moments = beta2 * moments + (1 - beta2) * torch.outer(g, g)
        spread = beta2 * spread + (1 - beta2) * (basis.T @ g) ** 2
        if step == 10 or step % interval == 0:
            basis = torch.linalg.eigh(moments).eigenvectors
            spread = (basis.T @ moments @ basis).diagonal()
        scaled = (basis.T @ mean / (1 - beta1**step)) / (
            (spread / (1 - beta2**step)).clamp_min(0).sqrt() + 1e-8
        )
        x = x - lr * basis @ scaled
    return x


@pytest.mark.parametrize("interval", [1, 7, 50])
def test_it_is_adam_in_the_eigenbasis(interval):
    steps = gradients(60, 8)  # fewer than steps before the first basis: no direction is empty
    tensors = parameters()
    optimizer = FullMatrixAdam(tensors, lr=0.01, betas=BETAS, interval=interval)
    expected = by_definition(steps, lr=0.01, interval=interval)
    torch.testing.assert_close(run(optimizer, tensors, steps), expected, rtol=1e-8, atol=1e-9)


def test_before_the_first_basis_it_is_adamw_with_the_rates_of_the_groups():
    results = []
    for kind in (FullMatrixAdam, AdamW):
        first, *rest = tensors = parameters()
        groups = [{"params": [first], "lr": 0.1, "weight_decay": 0.3}, {"params": rest}]
        optimizer = kind(groups, lr=0.01, betas=BETAS, weight_decay=0.05)
        results.append(run(optimizer, tensors, gradients(9, 8)))
    torch.testing.assert_close(*results, rtol=1e-12, atol=1e-12)


def test_a_turned_valley_is_no_harder_than_a_straight_one():
    generator = torch.Generator().manual_seed(0)
    turn = torch.linalg.qr(torch.randn(20, 20, generator=generator, dtype=torch.float64)).Q
    valley = turn @ torch.logspace(-4, 0, 20, dtype=torch.float64).diag() @ turn.T
    losses = {}
    for kind in (FullMatrixAdam, AdamW):
        generator.manual_seed(1)
        x = torch.randn(20, generator=generator, dtype=torch.float64).requires_grad_()
        optimizer = kind([x], lr=0.03, betas=(0.9, 0.99), weight_decay=0.0)

        def loss(x=x, optimizer=optimizer):
            optimizer.zero_grad()
            value = x @ valley @ x / 2
            value.backward()
            return value.item()

        for _ in range(400):
            losses[kind] = optimizer.step(loss)
    assert losses[FullMatrixAdam] < losses[AdamW] / 100


def test_directions_without_gradient_stay_where_they_are():
    """Two factors trade size for size: nothing moves along that, not even by rounding."""
    a, b = torch.full((3,), 2.0, requires_grad=True), torch.full((2,), 0.5, requires_grad=True)
    still = torch.ones(4, requires_grad=True)
    optimizer = FullMatrixAdam([a, b, still], lr=0.01)
    target = torch.arange(6.0).view(3, 2)
    for _ in range(300):
        optimizer.zero_grad()
        (torch.outer(a, b) - target).square().mean().backward()
        optimizer.step()
    assert torch.equal(still.detach(), torch.ones(4))
    assert all(bool(torch.isfinite(tensor).all()) for tensor in (a, b))
    assert (torch.outer(a, b) - target).square().mean().item() < 0.3


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_gradient_that_diverged_shows_in_the_parameters(value):
    """Not in an error of the eigendecomposition: the trainer says that the loss is not finite."""
    x = torch.zeros(5)
    optimizer = FullMatrixAdam([x], lr=0.01)
    for _ in range(12):
        x.grad = torch.full((5,), value)
        optimizer.step()
    assert not bool(x.isfinite().any())


def test_too_many_parameters_are_one_line():
    with pytest.raises(ValueError, match=r"at most 4,096 parameters, got 4,097; .* use adamw"):
        FullMatrixAdam([torch.zeros(MAX_PARAMETERS), torch.zeros(1)])


def test_a_run_of_too_large_a_network_writes_nothing(settings, tmp_path):
    with pytest.raises(ValueError, match="optimizer full-matrix"):
        fit(settings(model="mlp", dims="16,300,3", optimizer="full-matrix"), out=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_several_processes_are_refused(settings):
    processes = SimpleNamespace(size=2, device=torch.device("cpu"))
    chosen = settings(optimizer="full-matrix")
    with pytest.raises(ValueError, match="expected one process, got 2"):
        check_step(chosen.optimisation, chosen.compute, processes)


def test_a_stack_takes_no_run_of_it(settings):
    assert can_be_stacked(settings())
    assert not can_be_stacked(settings(optimizer="full-matrix"))
