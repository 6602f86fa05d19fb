"""Norms where squares leave the range of a dtype, where nothing is left, and their gradients."""

import pytest
import torch
from torch import nn

from qimlp import KroneckerLinear
from qimlp.functional import (
    balance,
    factor_norms,
    frobenius_inner,
    frobenius_norm,
    kron_dense,
    nearest_kronecker,
)

DIMS = ((5, 3), (2, 4), (3, 2))


def factors(rank, scales, dtype=torch.float64):
    torch.manual_seed(0)
    return [
        (torch.randn(rank, *size, dtype=torch.float64) * scale).to(dtype).requires_grad_()
        for size, scale in zip(DIMS, scales, strict=False)
    ]


def dense(given):
    return kron_dense([factor.detach().double() for factor in given])


@pytest.mark.parametrize("rank", [1, 4])
@pytest.mark.parametrize(
    ("dtype", "scales"),
    [
        (torch.float16, (100, 1e-2)),
        (torch.float16, (1e3, 10)),
        (torch.bfloat16, (1e30, 1e-30)),
        (torch.float32, (1e20, 1e-20)),
        (torch.float32, (1e-30, 1e30, 1)),
        (torch.float32, (1e-22, 1e-22, 1e10)),
        (torch.float64, (1e200, 1e-200)),
        (torch.float64, (1e-200, 1e100, 1e90)),
    ],
)
def test_scales_of_single_factors_do_not_matter(rank, dtype, scales):
    given = factors(rank, scales, dtype)
    want = dense(given)
    size = float(want.abs().max())
    true = (want / size).norm() * size
    close = {"rtol": 2 * torch.finfo(dtype).eps, "atol": 0.0}
    torch.testing.assert_close(frobenius_norm(given), true.to(dtype), **close)
    for factor, norms in zip(given, factor_norms(given), strict=True):
        largest = factor.detach().double().abs().max()
        own = (factor.double() / largest).flatten(1).norm(dim=1) * largest
        torch.testing.assert_close(norms, own.to(dtype), **close)
    gradients = torch.autograd.grad(frobenius_norm(given), given)
    truth = [factor.detach().double().requires_grad_() for factor in given]
    wanted = torch.autograd.grad((kron_dense(truth) / size).norm() * size, truth)
    for got, true_gradient in zip(gradients, wanted, strict=True):
        torch.testing.assert_close(
            got, true_gradient.to(dtype), rtol=1e-2 if dtype.itemsize == 2 else 1e-5, atol=0.0
        )


@pytest.mark.parametrize(
    ("dtype", "scales"),
    [
        (torch.float32, (1e20, 1e-20)),
        (torch.float32, (1e38, 1e-38)),
        (torch.float16, (1e3, 1e-3)),
        (torch.float64, (1e200, 1e-200)),
    ],
)
def test_balanced_factors_are_the_same_weight(dtype, scales):
    given = factors(3, scales, dtype)
    got = balance(given)
    assert {factor.dtype for factor in got} == {dtype}
    want = dense(given)
    eps = max(
        torch.finfo(dtype).eps, 1e-13
    )  # of a logarithm of 1e200, which has 460 before the point
    torch.testing.assert_close(dense(got), want, rtol=8 * eps, atol=8 * eps * want.abs().max())
    norms = factor_norms(got)
    torch.testing.assert_close(norms[0], norms[1], rtol=8 * eps, atol=0.0)


def test_a_layer_is_balanced_where_squares_overflow():
    layer = KroneckerLinear(12, 10, rank=2)
    with torch.no_grad():
        layer.factor_0.mul_(1e20)
        layer.factor_1.mul_(1e-20)
    want = layer.weight_matrix().detach()
    torch.testing.assert_close(layer.balance_().weight_matrix(), want)


def test_an_inner_product_of_different_scales():
    left, right = factors(2, (1e25, 1e-25), torch.float32), factors(3, (1e-30, 1e29), torch.float32)
    want = (dense(left) * dense(right)).sum()
    torch.testing.assert_close(frobenius_inner(left, right), want.float(), rtol=1e-5, atol=0.0)
    assert frobenius_inner(left, left) >= 0


@pytest.mark.parametrize("zero", [[0], [1], [0, 1]])
@pytest.mark.parametrize("rank", [1, 3])
def test_the_gradient_at_zero_is_zero(zero, rank):
    given = factors(rank, (1, 1))
    for i in zero:
        given[i] = torch.zeros_like(given[i]).requires_grad_()
    norm = frobenius_norm(given)
    assert norm == 0
    first = torch.autograd.grad(norm, given, create_graph=True)
    assert not any(gradient.any() for gradient in first)
    penalty = sum(gradient.square().sum() for gradient in first)
    second = torch.autograd.grad(penalty, given, materialize_grads=True)
    assert not any(gradient.any() for gradient in second)


@pytest.mark.parametrize("gauge", [1.0, 2.0, 10.0, 1e15])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_terms_that_cancel(gauge, dtype):
    a, b = (torch.randn(1, *size, dtype=torch.float64) for size in DIMS[:2])
    given = [torch.cat([a, -gauge * a]).to(dtype), torch.cat([b, b / gauge]).to(dtype)]
    given = [factor.requires_grad_() for factor in given]
    norm = frobenius_norm(given)
    terms = frobenius_norm([factor[:1] for factor in given])
    assert 0 <= norm <= 2 * torch.finfo(dtype).eps * terms + 1e-7 * terms
    gradients = torch.autograd.grad(norm, given, create_graph=True)
    assert all(gradient.isfinite().all() for gradient in gradients)
    penalty = sum(gradient.square().sum() for gradient in gradients)
    second = torch.autograd.grad(penalty, given, materialize_grads=True)
    assert all(gradient.isfinite().all() for gradient in second)


def test_what_is_left_of_terms_that_nearly_cancel():
    a, b = (torch.randn(1, *size) for size in DIMS[:2])
    given = [torch.cat([a, -a * (1 + 1e-3)]), torch.cat([b, b])]
    want = dense(given).norm()
    torch.testing.assert_close(frobenius_norm(given).double(), want, rtol=1e-5, atol=0.0)


def test_one_zero_product_beside_others_still_learns():
    """The norm does change with the zero factor, whatever the scale of its partner."""
    given = factors(2, (1.0, 1e3))
    with torch.no_grad():
        given[0][1] = 0
        given[1][1] *= 1e9
    truth = [factor.detach().clone().requires_grad_() for factor in given]
    got = torch.autograd.grad(frobenius_norm(given), given)
    want = torch.autograd.grad(kron_dense(truth).norm(), truth)
    torch.testing.assert_close(got, want)


def test_gradients_of_both_orders_elsewhere():
    given = factors(2, (1.0, 0.5, 2.0))
    assert torch.autograd.gradcheck(lambda *own: frobenius_norm(own), given)
    assert torch.autograd.gradgradcheck(lambda *own: frobenius_norm(own), given)
    assert torch.autograd.gradcheck(lambda *own: tuple(balance(own)), given)


@pytest.mark.parametrize("value", [torch.inf, torch.nan])
def test_what_is_not_finite_stays_so(value):
    given = [torch.full((1, 2, 2), value), torch.ones(1, 2, 2)]
    assert str(frobenius_norm(given).item()) == str(value)


def test_a_layer_from_zero_is_trained_under_a_penalty_on_its_norm():
    linear = nn.Linear(12, 10)
    nn.init.zeros_(linear.weight)
    layer = KroneckerLinear.from_linear(linear, rank=2)
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.01)
    x, target = torch.randn(50, 12), torch.randn(50, 10)
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        loss = (layer(x) - target).square().mean() + 0.01 * layer.frobenius_norm()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_the_error_of_the_nearest_sum_at_any_scale(scale):
    weight = torch.randn(10, 12, dtype=torch.float64)
    want = nearest_kronecker(weight, (3, 4), (5, 2), 1)[1]
    got = nearest_kronecker(weight * scale, (3, 4), (5, 2), 1)[1]
    torch.testing.assert_close(got, want)
