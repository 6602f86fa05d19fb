"""Algebraic laws, on random shapes."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from qimlp.functional import (
    balance,
    factor_norms,
    frobenius_norm,
    kron_bias,
    kron_dense,
    kron_matmul,
)
from tests.problems import make_factors, make_input
from tests.tolerances import assert_close


@st.composite
def layers(draw, max_factors=4):
    m = draw(st.integers(1, max_factors))
    sizes = st.lists(st.integers(1, 5), min_size=m, max_size=m).map(tuple)
    return draw(sizes), draw(sizes), draw(st.integers(1, 4)), draw(st.integers(0, 2**16))


@given(layers(), st.floats(-3, 3), st.floats(-3, 3))
@settings(max_examples=60, deadline=None)
def test_linearity(layer, s, t):
    ins, outs, rank, seed = layer
    factors = make_factors(ins, outs, rank, seed=seed)
    x, y = make_input((3,), ins, seed=seed + 1), make_input((3,), ins, seed=seed + 2)
    assert_close(
        kron_matmul(s * x + t * y, factors),
        s * kron_matmul(x, factors) + t * kron_matmul(y, factors),
    )


@given(layers())
@settings(max_examples=60, deadline=None)
def test_adjoint(layer):
    ins, outs, rank, seed = layer
    factors = make_factors(ins, outs, rank, seed=seed)
    x, y = make_input((2,), ins, seed=seed + 1), make_input((2,), outs, seed=seed + 2)
    left = (kron_matmul(x, factors) * y).sum()
    right = (x * kron_matmul(y, [f.transpose(1, 2) for f in factors])).sum()
    assert_close(left, right)


@given(layers(3), st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_mixed_product(layer, inner):
    ins, outs, _, seed = layer
    middle = tuple(inner for _ in ins)
    first = make_factors(ins, middle, 1, seed=seed)
    second = make_factors(middle, outs, 1, seed=seed + 1)
    product = [b @ a for a, b in zip(first, second, strict=True)]
    x = make_input((2,), ins, seed=seed + 2)
    assert_close(kron_matmul(kron_matmul(x, first), second), kron_matmul(x, product))


@given(layers(), st.lists(st.floats(0.1, 10), min_size=4, max_size=4))
@settings(max_examples=60, deadline=None)
def test_gauge_invariance_and_balance(layer, scales):
    ins, outs, rank, seed = layer
    factors = make_factors(ins, outs, rank, seed=seed)
    scales = scales[: len(factors)]
    total = torch.tensor(scales, dtype=torch.float64).prod()
    moved = [f * s for f, s in zip(factors, scales, strict=True)]
    moved[0] = moved[0] / total
    weight = kron_dense(factors)
    assert_close(kron_dense(moved), weight)
    balanced = balance(moved)
    assert_close(kron_dense(balanced), weight)
    norms = factor_norms(balanced)
    assert_close(norms, norms[:1].expand_as(norms))


@given(layers())
@settings(max_examples=60, deadline=None)
def test_permutation_of_copies(layer):
    ins, outs, rank, seed = layer
    factors = make_factors(ins, outs, rank, seed=seed)
    order = torch.randperm(rank, generator=torch.Generator().manual_seed(seed))
    x = make_input((3,), ins, seed=seed + 1)
    assert_close(kron_matmul(x, [f[order] for f in factors]), kron_matmul(x, factors))


@given(layers())
@settings(max_examples=60, deadline=None)
def test_frobenius_norm(layer):
    factors = make_factors(*layer[:3], seed=layer[3])
    assert_close(frobenius_norm(factors), kron_dense(factors).norm())


@given(layers())
@settings(max_examples=30, deadline=None)
def test_copies_add_up(layer):
    factors = make_factors(*layer[:3], seed=layer[3])
    each = [kron_dense([f[c : c + 1] for f in factors]) for c in range(layer[2])]
    assert_close(kron_dense(factors), torch.stack(each).sum(0))


def test_order_is_that_of_torch_kron():
    a, b, c = (torch.randn(i, j, dtype=torch.float64) for i, j in ((2, 3), (4, 2), (3, 5)))
    assert_close(kron_dense([a[None], b[None], c[None]]), torch.kron(torch.kron(a, b), c))
    u, v = torch.randn(3).double(), torch.randn(4).double()
    assert_close(kron_bias([u, v]), torch.kron(u, v))


def test_norm_of_copies_that_cancel_is_zero_not_nan():
    a, b = torch.randn(1, 3, 3), torch.randn(1, 4, 4)
    factors = [torch.cat([a, -a]), torch.cat([b, b])]
    assert 0 <= frobenius_norm(factors) < 1e-2


def test_balance_of_a_zero_copy():
    factors = [torch.zeros(1, 2, 2), torch.ones(1, 2, 2)]
    assert all(torch.equal(f, torch.zeros(1, 2, 2)) for f in balance(factors))
