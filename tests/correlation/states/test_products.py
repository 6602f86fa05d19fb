"""The closest product state, exact and fitted."""

import pytest
import torch

from qimlp.correlation import (
    density_matrix,
    fitted_product,
    nearest_product,
    schmidt_coefficients,
    strong_correlation,
)
from tests.correlation.example_states import BELL, maximally_entangled, random_vectors

CLOSE = {"rtol": 0, "atol": 1e-12}


@pytest.mark.parametrize("dims", [(4, 4), (3, 5), (5, 3), (1, 4)])
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_nearest_is_the_leading_singular_triple(dims, dtype):
    x = random_vectors(2, 7, dims[0] * dims[1], dtype=dtype)
    found = nearest_product(x, dims)
    assert found.a.shape == (2, 7, dims[0])
    assert found.b.shape == (2, 7, dims[1])
    largest = schmidt_coefficients(x, dims)[..., 0]
    torch.testing.assert_close(found.overlap, largest, **CLOSE)
    product = torch.einsum("...i,...j->...ij", found.a, found.b).flatten(-2)
    states = x / x.norm(dim=-1, keepdim=True)
    inner = (product.conj() * states).sum(-1).abs()
    torch.testing.assert_close(inner, found.overlap, **CLOSE)


def test_error_is_the_distance_between_the_matrices():
    x = random_vectors(12)
    found = nearest_product(x, (3, 4))
    product = torch.outer(found.a, found.b).flatten()
    best = found.overlap**2 * density_matrix(product)  # scale is free
    distance = torch.linalg.matrix_norm(density_matrix(x) - best)
    torch.testing.assert_close(found.error, distance, **CLOSE)


@pytest.mark.parametrize("dims", [(4, 4), (3, 5)])
def test_nearest_is_never_worse_than_fitted_and_the_fit_finds_it(dims):
    x = random_vectors(20, dims[0] * dims[1])
    nearest, fitted = nearest_product(x, dims), fitted_product(x, dims, tolerance=1e-3)
    assert (nearest.error <= fitted.error + 1e-12).all()
    assert float((nearest.overlap - fitted.overlap).abs().median()) < 1e-6


def test_degenerate_states_have_several_nearest_products():
    x = torch.cat([maximally_entangled(4).unsqueeze(0), random_vectors(1, 16)])
    found = nearest_product(x, (4, 4))
    torch.testing.assert_close(found.overlap, schmidt_coefficients(x, (4, 4))[:, 0], **CLOSE)
    torch.testing.assert_close(found.a.norm(dim=-1), torch.ones(2, dtype=torch.float64), **CLOSE)


def test_a_product_is_its_own_nearest():
    a, b = random_vectors(3), random_vectors(4, seed=1)
    found = nearest_product(torch.outer(a, b).flatten(), (3, 4))
    assert float(found.overlap) == pytest.approx(1, abs=1e-12)
    assert float(found.error) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("subsystems", ["nearest_product", "fitted"])
def test_pure_subsystems_never_exceed_the_classical_level(subsystems):
    x = torch.cat([BELL[:1], random_vectors(5, 4)])
    assert (strong_correlation(x, (2, 2), subsystems) <= 1e-12).all()


def test_fit_starts_where_the_seed_says():
    x = random_vectors(3, 12)
    once = fitted_product(x, (3, 4), seed=5, max_steps=3)
    again = fitted_product(x, (3, 4), seed=5, max_steps=3)
    other = fitted_product(x, (3, 4), seed=6, max_steps=3)
    assert torch.equal(once.a, again.a)
    assert not torch.equal(once.a, other.a)
