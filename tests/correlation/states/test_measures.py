"""Properties of the measures."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from qimlp.correlation import (
    correlations,
    density_matrix,
    mutual_information,
    partial_trace,
    reduced_density_matrix,
    schmidt_coefficients,
    strong_correlation,
    total_correlation,
)
from qimlp.correlation.networks.histogram import strong_range
from qimlp.correlation.states.density import mixture
from tests.correlation.example_states import random_density, random_vectors

CLOSE = {"rtol": 0, "atol": 1e-10}
DIMS = [(3, 3), (2, 5), (5, 2), (2, 3, 4), (2, 2, 2, 3)]

some_dims = st.lists(st.integers(1, 4), min_size=2, max_size=4).map(tuple)


@settings(deadline=None, max_examples=40)
@given(dims=some_dims, seed=st.integers(0, 1000), is_complex=st.booleans())
def test_vectors_and_their_matrices_agree(dims, seed, is_complex):
    dtype = torch.complex128 if is_complex else torch.float64
    x = random_vectors(math.prod(dims), seed=seed, dtype=dtype)
    pure, mixed = correlations(x, dims), correlations(density_matrix(x), dims, pure=False)
    for name in ("bodies", "mixture", "total", "strong"):
        torch.testing.assert_close(getattr(pure, name), getattr(mixed, name), rtol=0, atol=1e-9)
    low, high = strong_range(dims)
    assert low - 1e-9 <= float(pure.strong) <= high + 1e-9


@settings(deadline=None, max_examples=30)
@given(dims=some_dims, seed=st.integers(0, 1000))
def test_turning_bodies_leaves_the_total_correlation(dims, seed):
    x = random_vectors(math.prod(dims), seed=seed)
    turned = x.reshape(dims)
    for axis, size in enumerate(dims):
        basis = torch.linalg.qr(random_vectors(size, size, seed=seed + axis)).Q
        turned = torch.tensordot(basis, turned, ([1], [axis])).movedim(0, axis)
    torch.testing.assert_close(
        total_correlation(turned.flatten(), dims), total_correlation(x, dims), **CLOSE
    )


def test_strong_correlation_depends_on_the_bodies_bases():
    x = torch.tensor([1.0, 0, 0, 0.5])
    swapped = torch.tensor([0, 1.0, 0.5, 0])  # the second body's directions exchanged
    assert float(strong_correlation(swapped, (2, 2))) < float(strong_correlation(x, (2, 2))) - 0.1


@pytest.mark.parametrize("dims", DIMS)
def test_shapes_scale_and_dtype(dims):
    size = math.prod(dims)
    x = random_vectors(2, 3, size, dtype=torch.float32)
    found = strong_correlation(x, dims)
    assert found.shape == (2, 3)
    assert found.dtype == torch.float64
    assert strong_correlation(x[0, 0], dims).shape == ()
    assert strong_correlation(x[:, :0], dims).shape == (2, 0)
    torch.testing.assert_close(strong_correlation(-3e30 * x, dims), found, rtol=0, atol=1e-5)
    tiny = strong_correlation(x.double() * 1e-300, dims)
    torch.testing.assert_close(tiny, strong_correlation(x.double(), dims), **CLOSE)
    strided = torch.stack([x, x], -1)[..., 0]
    torch.testing.assert_close(strong_correlation(strided, dims), found, **CLOSE)
    bits = strong_correlation(x, dims, base=2)
    torch.testing.assert_close(bits * math.log(2), found, **CLOSE)


def test_many_rows_are_shared_out_and_come_back_in_order():
    x = random_vectors(1500, 784, dtype=torch.float32)
    whole = strong_correlation(x, (28, 28))
    parts = torch.cat([strong_correlation(part, (28, 28)) for part in x.split(100)])
    torch.testing.assert_close(whole, parts, **CLOSE)
    threads = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        torch.testing.assert_close(strong_correlation(x, (28, 28)), whole, **CLOSE)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize("dims", [d for d in DIMS if len(d) > 2])
def test_parts_of_several_bodies(dims):
    size, last = math.prod(dims), len(dims) - 1
    x = random_vectors(4, size, dtype=torch.complex128)
    rho = torch.stack([density_matrix(row) for row in x])
    for part, other in [((0,), None), ((0, last), (1,)), ((1,), (last,))]:
        ours = mutual_information(x, dims, part, other)
        torch.testing.assert_close(ours, mutual_information(rho, dims, part, other), **CLOSE)
    torch.testing.assert_close(
        reduced_density_matrix(x, dims, (0, last)), partial_trace(rho, dims, (0, last)), **CLOSE
    )
    spectrum = schmidt_coefficients(x, dims, (0, 1)).square()
    torch.testing.assert_close(spectrum.sum(-1), torch.ones(4, dtype=torch.float64), **CLOSE)


def test_partial_traces_of_a_product():
    parts = [random_density(size, size, seed=size) for size in (2, 3, 4)]
    rho = torch.kron(torch.kron(parts[0], parts[1]), parts[2])
    for body, part in enumerate(parts):
        torch.testing.assert_close(partial_trace(rho, (2, 3, 4), body), part, **CLOSE)
    outer = torch.kron(parts[0], parts[2])
    torch.testing.assert_close(partial_trace(rho, (2, 3, 4), (2, 0)), outer, **CLOSE)


def test_mixture_pads_the_smaller_bodies_with_zeros():
    small, large = torch.eye(2).double() / 2, torch.eye(3).double() / 3
    expected = torch.diag(torch.tensor([5, 5, 2]).double() / 12)
    torch.testing.assert_close(mixture([small, large]), expected, **CLOSE)


def test_square_input_is_a_matrix_unless_said_otherwise():
    rho = torch.eye(4) / 4
    assert mutual_information(rho, (2, 2)).shape == ()
    assert mutual_information(rho, (2, 2), pure=True).shape == (4,)
    assert mutual_information(rho[:3], (2, 2)).shape == (3,)


@pytest.mark.parametrize("dims", [(4, 4), (3, 5), (5, 3), (2, 3, 2), (7, 2, 2), (2, 12)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.complex64, torch.bfloat16])
def test_spectra_of_rough_numbers_are_those_of_the_same_numbers_in_double(dims, dtype):
    size = torch.Size(dims).numel()
    x = random_vectors(6, size, dtype=torch.complex128 if dtype.is_complex else torch.float64)
    x[0, 1:] = 0  # a product
    x[1, size // 2 :] = 1e-4  # nearly one
    rough = x.to(dtype)
    found = correlations(rough, dims)
    same = correlations(rough.to(x.dtype), dims)
    close = {"rtol": 0, "atol": 1e-13}
    torch.testing.assert_close(found.bodies, same.bodies, **close)
    torch.testing.assert_close(found.strong, same.strong, **close)
    for one, other in zip(found.spectra, same.spectra, strict=True):
        torch.testing.assert_close(one, other, **close)


def test_small_schmidt_coefficients_of_double_vectors_are_not_squared():
    x = torch.diag(torch.tensor([1.0, 1e-12], dtype=torch.float64)).flatten()
    small = correlations(x, (2, 2)).spectra[0][1]
    assert float(small) == pytest.approx(1e-24, rel=1e-6)
