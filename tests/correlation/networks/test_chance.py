"""Random vectors and shuffles."""

import math

import pytest
import torch

from qimlp.correlation import (
    page_entropy,
    permute_across_bodies,
    random_vectors,
    shuffle_between_samples,
    total_correlation,
)
from tests.correlation import example_states as states


@pytest.mark.parametrize("dims", [(2, 2), (3, 5), (5, 3), (2, 3, 4)])
def test_page_is_the_mean_over_complex_random_states(dims):
    x = states.random_vectors(20_000, math.prod(dims), dtype=torch.complex128)
    if len(dims) == 2:
        sampled = total_correlation(x, dims) / 2
        page = page_entropy(dims)
    else:
        sampled = total_correlation(x, dims)
        page = sum(page_entropy(dims, body) for body in range(3))
    error = float(sampled.std()) / math.sqrt(len(sampled))
    assert abs(float(sampled.mean()) - page) < 4 * error
    assert page_entropy(dims, base=2) == pytest.approx(page_entropy(dims) / math.log(2))


def test_page_of_two_qubits():
    assert page_entropy((2, 2)) == pytest.approx(1 / 3)


def test_real_random_vectors_have_less():
    x = random_vectors(4000, 784, torch.Generator().manual_seed(0))
    mean = float((total_correlation(x, (28, 28)) / 2).mean())
    assert page_entropy((28, 28)) - 0.05 < mean < page_entropy((28, 28))


def test_shuffles_keep_what_they_should():
    rows = states.random_vectors(50, 6)
    generator = torch.Generator().manual_seed(0)
    shuffled = shuffle_between_samples(rows, generator)
    torch.testing.assert_close(shuffled.sort(0).values, rows.sort(0).values, rtol=0, atol=0)
    together = (shuffled[:, 0] == rows[:, 0]).double().mean()
    assert float(together) < 0.2
    assert not torch.equal(shuffled.sort(1).values, rows.sort(1).values)
    permuted = permute_across_bodies(rows, generator)
    torch.testing.assert_close(permuted.sort(1).values, rows.sort(1).values, rtol=0, atol=0)
    assert not torch.equal(permuted.argsort(1)[0], permuted.argsort(1)[1])
