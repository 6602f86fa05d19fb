import pytest
import torch

from qimlp.functional import kron_dense, nearest_kronecker
from qimlp.functional.nearest_sums import truncated_svd as module
from qimlp.functional.nearest_sums.truncated_svd import pays, truncated_svd
from tests.problems import make_factors

SIDE = 1024
LEAST = 4e-15  # what rounding leaves of a norm


def _spectrum(values):
    """A square matrix of these singular values."""
    values = torch.as_tensor(values, dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    sides = [
        torch.linalg.qr(torch.randn(SIDE, len(values), dtype=torch.float64, generator=generator)).Q
        for _ in range(2)
    ]
    return sides[0] * values @ sides[1].t()


@pytest.fixture
def no_full_svd(monkeypatch):
    def refuse(matrix, full_matrices):
        raise AssertionError(f"full decomposition of {tuple(matrix.shape)}")

    def small_only(matrix, full_matrices=True):
        return (refuse if min(matrix.shape) > SIDE // 2 else whole)(
            matrix, full_matrices=full_matrices
        )

    whole = torch.linalg.svd
    monkeypatch.setattr(torch.linalg, "svd", small_only)


def test_it_pays_for_few_terms_of_a_large_matrix_alone():
    assert pays(4096, 4096, 16)
    assert pays(1024, 10**6, 16)
    assert not pays(1023, 4096, 1)
    assert not pays(1024, 1024, 18)
    assert not pays(4096, 4096, 96)


@pytest.mark.parametrize("rank", [1, 4])
def test_a_flat_spectrum_comes_within_a_millionth(no_full_svd, rank):
    matrix = torch.randn(
        SIDE, SIDE + 76, dtype=torch.float64, generator=torch.Generator().manual_seed(1)
    )
    left, values, right = truncated_svd(matrix, rank)
    true = torch.linalg.svdvals(matrix)
    best = true[rank:].norm()
    error = (matrix - left * values @ right.t()).norm()
    assert best * (1 - LEAST) <= error <= best * (1 + 1e-6)
    assert (values <= true[:rank] * (1 + LEAST)).all()
    torch.testing.assert_close(left.t() @ left, torch.eye(rank, dtype=torch.float64))
    torch.testing.assert_close(right.t() @ right, torch.eye(rank, dtype=torch.float64))


@pytest.mark.parametrize(
    "values",
    [
        0.9 ** torch.arange(100.0),
        0.3 ** torch.arange(40.0, dtype=torch.float64),
        [1.0] * 60,
        [1.0] * 3 + [1e-5] * 40,
        [1.0] * 3 + [1e-9] * 40,
        1 / torch.arange(1.0, 200),
    ],
)
def test_any_spectrum_comes_within_a_millionth(no_full_svd, values):
    values = torch.as_tensor(values, dtype=torch.float64)
    matrix = _spectrum(values)
    left, kept, right = truncated_svd(matrix, 8)
    torch.testing.assert_close(kept, values[:8])
    error = (matrix - left * kept @ right.t()).norm()
    assert error <= values[8:].norm() * (1 + 1e-6) + 1e-14 * values.norm()


@pytest.mark.parametrize("true_rank", [1, 3, 8])
def test_an_exact_sum_is_recovered_to_rounding(no_full_svd, true_rank):
    dims = (32, 32)
    weight = kron_dense(make_factors(dims, dims, true_rank))
    factors, error = nearest_kronecker(weight, dims, dims, 8)
    assert error < 1e-13
    assert (weight - kron_dense(factors)).norm() < 1e-13 * weight.norm()


@pytest.mark.parametrize("exponent", [-1000, -120, 120, 1000])
def test_the_scale_changes_nothing(no_full_svd, exponent):
    weight = _spectrum(0.9 ** torch.arange(100.0, dtype=torch.float64))
    _, error = nearest_kronecker(weight, (32, 32), (32, 32), 2)
    power = torch.tensor(exponent)
    _, other = nearest_kronecker(torch.ldexp(weight, power), (32, 32), (32, 32), 2)
    torch.testing.assert_close(other, error, rtol=1e-6, atol=0)


def test_low_rank_is_a_layout(no_full_svd):
    weight = _spectrum(0.5 ** torch.arange(30.0, dtype=torch.float64))
    (right, left), error = nearest_kronecker(weight, (1, SIDE), (SIDE, 1), 5)
    assert right.shape == (5, SIDE, 1)
    assert left.shape == (5, 1, SIDE)
    best = (0.5 ** torch.arange(30.0, dtype=torch.float64))[5:].norm() / weight.norm()
    torch.testing.assert_close(error, best, rtol=1e-6, atol=0)


def test_it_is_the_same_every_time_and_leaves_the_global_generator_alone():
    matrix = _spectrum(0.9 ** torch.arange(100.0))
    torch.manual_seed(3)
    first = truncated_svd(matrix, 4)
    drawn = torch.rand(1)
    torch.manual_seed(3)
    assert torch.equal(drawn, torch.rand(1))
    for one, other in zip(first, truncated_svd(matrix, 4), strict=True):
        assert torch.equal(one, other)


def test_what_is_not_proven_is_decomposed_in_full(monkeypatch):
    for answer in ("proven", "room"):
        monkeypatch.setattr(module._Bidiagonal, answer, lambda self: False)
    matrix = _spectrum(0.9 ** torch.arange(100.0))
    u, s, vh = torch.linalg.svd(matrix, full_matrices=False)
    left, values, right = truncated_svd(matrix, 4)
    assert torch.equal(left, u[:, :4])
    assert torch.equal(values, s[:4])
    assert torch.equal(right, vh[:4].t())


def test_a_small_matrix_is_decomposed_in_full():
    matrix = torch.randn(6, 9, dtype=torch.float64)
    u, s, vh = torch.linalg.svd(matrix, full_matrices=False)
    left, values, right = truncated_svd(matrix, 20)
    assert torch.equal(left, u)
    assert torch.equal(values, s)
    assert torch.equal(right, vh.t())
