"""Gradients, at generic and at degenerate spectra."""

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from qimlp.correlation import (
    mutual_information,
    strong_correlation,
    total_correlation,
    von_neumann_entropy,
)
from tests.correlation.example_states import BELL, ghz, maximally_entangled, random_vectors, w_state


@pytest.mark.parametrize("dims", [(3, 3), (2, 4), (4, 2), (2, 3, 2)])
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_generic_states(dims, dtype):
    size = torch.Size(dims).numel()
    x = random_vectors(2, size, dtype=dtype).requires_grad_()
    assert gradcheck(lambda v: strong_correlation(v, dims), x)
    assert gradcheck(lambda v: total_correlation(v, dims), x)
    assert gradcheck(lambda v: mutual_information(v, dims, pure=True), x)


@pytest.mark.parametrize(
    ("x", "dims"),
    [
        (BELL[0], (2, 2)),
        (BELL[3], (2, 2)),
        (maximally_entangled(4), (4, 4)),  # all singular values equal
        (torch.block_diag(torch.eye(2), torch.zeros(1, 1)).flatten(), (3, 3)),  # and one zero
        (torch.eye(3)[0].repeat(1, 3).flatten()[:9], (3, 3)),  # a product: zeros are degenerate
        (ghz(3), (2, 2, 2)),
        (w_state(3), (2, 2, 2)),
        (torch.eye(2, 3).flatten(), (2, 3)),
    ],
)
def test_degenerate_spectra(x, dims):
    x = x.double().clone().requires_grad_()
    strong_correlation(x, dims).backward()
    assert torch.isfinite(x.grad).all()
    assert gradcheck(lambda v: strong_correlation(v, dims), x.detach().requires_grad_())
    assert gradcheck(lambda v: total_correlation(v, dims), x.detach().requires_grad_())


@pytest.mark.parametrize("size", [2, 3, 4])
def test_strong_correlation_at_maximal_entanglement(size):
    x = maximally_entangled(size).requires_grad_()
    assert gradcheck(lambda v: strong_correlation(v, (size, size)), x)


def test_entropy_of_a_degenerate_mixed_state():
    def entropy(a: torch.Tensor) -> torch.Tensor:
        rho = a @ a.mH
        return von_neumann_entropy(rho / rho.diagonal().sum().real)

    assert gradcheck(entropy, torch.eye(4, dtype=torch.float64).requires_grad_())
    twice = torch.diag(torch.tensor([1.0, 1.0, 0.5, 0.5], dtype=torch.float64))
    assert gradcheck(entropy, twice.requires_grad_())


def test_gradient_of_the_entropy_is_minus_log_minus_one():
    rho = torch.diag(torch.tensor([0.4, 0.4, 0.2], dtype=torch.float64)).requires_grad_()
    von_neumann_entropy(rho).backward()
    expected = torch.diag(-rho.detach().diagonal().log() - 1)
    torch.testing.assert_close(rho.grad, expected, rtol=0, atol=1e-12)


def test_a_regulariser_can_raise_and_lower_it():
    start = random_vectors(1, 9, seed=3)
    for sign, better in ((-1, torch.gt), (1, torch.lt)):
        x = start.clone().requires_grad_()
        optimizer = torch.optim.Adam([x], lr=0.05)
        for _ in range(60):
            optimizer.zero_grad()
            (sign * strong_correlation(x, (3, 3)).sum()).backward()
            optimizer.step()
        assert better(strong_correlation(x.detach(), (3, 3)), strong_correlation(start, (3, 3)))


def test_gradients_reach_float32_inputs():
    x = random_vectors(5, 12, dtype=torch.float32).requires_grad_()
    strong_correlation(x, (3, 4)).sum().backward()
    assert x.grad.dtype == torch.float32
    assert float((x.grad * x.detach()).sum(1).abs().max()) < 1e-6  # length does not matter


@pytest.mark.parametrize(
    ("x", "dims"),
    [
        (random_vectors(1, 9)[0], (3, 3)),
        (random_vectors(1, 8)[0], (2, 4)),
        (random_vectors(1, 12)[0], (2, 6)),  # the mixture can have no full rank
        (random_vectors(1, 12)[0], (2, 3, 2)),
        (random_vectors(1, 9, dtype=torch.complex128)[0], (3, 3)),
        (BELL[0], (2, 2)),
        (maximally_entangled(3), (3, 3)),
        (ghz(3), (2, 2, 2)),
    ],
)
def test_second_derivatives_at_any_spectrum_without_zeros(x, dims):
    x = x.to(torch.complex128 if x.is_complex() else torch.float64)
    assert gradgradcheck(lambda v: strong_correlation(v, dims), x.clone().requires_grad_())
    assert gradgradcheck(lambda v: total_correlation(v, dims), x.clone().requires_grad_())


@pytest.mark.parametrize(
    ("x", "dims"),
    [
        (torch.eye(4)[0], (2, 2)),  # a product state
        (torch.eye(2, 3).flatten(), (2, 3)),  # the mixture has less rank than it may have
    ],
)
def test_infinite_second_derivatives_are_refused_in_one_line(x, dims):
    x = x.double().clone().requires_grad_()
    (first,) = torch.autograd.grad(strong_correlation(x, dims), x, create_graph=True)
    assert torch.isfinite(first).all()
    with pytest.raises(ValueError, match="^second derivatives of an entropy: expected") as caught:
        torch.autograd.grad(first.square().sum() + first.sum(), x)
    assert "\n" not in str(caught.value)
