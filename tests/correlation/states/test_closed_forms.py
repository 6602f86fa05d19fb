"""States whose correlations can be written down."""

import math

import pytest
import torch

from qimlp.correlation import (
    correlations,
    density_matrix,
    effective_rank,
    entanglement_spectrum,
    mutual_information,
    schmidt_rank,
    strong_correlation,
    total_correlation,
    von_neumann_entropy,
)
from tests.correlation.example_states import (
    BELL,
    binary_entropy,
    ghz,
    maximally_entangled,
    random_vectors,
    w_state,
)

CLOSE = {"rtol": 0, "atol": 1e-12}


def check(value: torch.Tensor, expected: float) -> None:
    torch.testing.assert_close(value, torch.full_like(value, expected), **CLOSE)


def test_bell_states_hold_two_bits_of_which_one_is_strong():
    check(mutual_information(BELL, (2, 2), base=2, pure=True), 2)
    check(strong_correlation(BELL, (2, 2), base=2), 1)
    assert schmidt_rank(BELL, (2, 2)).tolist() == [2, 2, 2, 2]
    check(effective_rank(BELL, (2, 2)), 2)


@pytest.mark.parametrize("size", [2, 3, 5])
def test_maximally_entangled(size):
    x = maximally_entangled(size)
    check(strong_correlation(x, (size, size)), math.log(size))
    check(entanglement_spectrum(x, (size, size)), math.log(size))


@pytest.mark.parametrize("bodies", [2, 3, 4, 5])
def test_ghz(bodies):
    dims = (2,) * bodies
    check(total_correlation(ghz(bodies), dims, base=2), bodies)
    check(strong_correlation(ghz(bodies), dims, base=2), bodies - 1)
    check(mutual_information(ghz(bodies), dims, base=2), 2)
    if bodies > 2:  # two of several bodies are classically correlated only
        check(mutual_information(ghz(bodies), dims, 0, 1, base=2), 1)


@pytest.mark.parametrize("bodies", [2, 3, 4])
def test_w(bodies):
    one = binary_entropy(1 / bodies)
    check(total_correlation(w_state(bodies), (2,) * bodies), bodies * one)
    check(strong_correlation(w_state(bodies), (2,) * bodies), (bodies - 1) * one)


def test_product_states_hold_nothing_but_the_mixture_of_their_bodies():
    a, b = random_vectors(6, 4), random_vectors(6, 4, seed=1)
    x = torch.einsum("ni,nj->nij", a, b).flatten(1)
    overlap = torch.cosine_similarity(a, b, dim=1).abs()
    mixture = torch.tensor(
        [binary_entropy(float(c)) for c in (1 + overlap) / 2], dtype=torch.float64
    )
    torch.testing.assert_close(total_correlation(x, (4, 4)), torch.zeros(6).double(), **CLOSE)
    torch.testing.assert_close(strong_correlation(x, (4, 4)), -mixture, **CLOSE)
    assert schmidt_rank(x, (4, 4)).tolist() == [1] * 6


def test_the_smaller_body_is_embedded_in_the_larger():
    x = torch.zeros(2, 2, 3, dtype=torch.float64)
    x[0, 0, 0] = x[0, 1, 1] = 1  # the mixture is I/2 on the first two of three directions
    x[1, 0, 1] = x[1, 1, 2] = 1  # here diag(1/4, 1/2, 1/4)
    found = correlations(x.flatten(1), (2, 3))
    expected = torch.tensor([math.log(2), 1.5 * math.log(2)], dtype=torch.float64)
    torch.testing.assert_close(found.mixture, expected, **CLOSE)
    check(found.total, 2 * math.log(2))
    mirrored = correlations(x.mT.flatten(1), (3, 2))
    torch.testing.assert_close(mirrored.strong, found.strong, **CLOSE)


def test_entropy_of_mixtures():
    check(von_neumann_entropy(torch.eye(7).double() / 7), math.log(7))
    check(von_neumann_entropy(density_matrix(BELL), base=2), 2)
    weights = torch.tensor([0.25, 0.75])
    check(von_neumann_entropy(density_matrix(BELL[:2], weights)), binary_entropy(0.25))
    check(von_neumann_entropy(density_matrix(BELL[0])), 0)


def test_average_of_states_is_not_their_mean():
    averaged = density_matrix(BELL)  # I/4: no correlation is left
    check(strong_correlation(averaged, (2, 2), pure=False, base=2), -1)
    check(strong_correlation(BELL, (2, 2), base=2).mean(), 1)
