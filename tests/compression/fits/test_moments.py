"""Streamed moments against the definition in float64."""

import pytest
import torch

from qimlp.compression.fits import Moments
from tests.compression.fits.examples import draw, moments_of


def rows_with_means(n: int, width: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    mix = torch.randn(width, width, generator=generator, dtype=torch.float64)
    rows = torch.randn(n, width, generator=generator, dtype=torch.float64) @ mix
    return rows + torch.randn(width, generator=generator, dtype=torch.float64)


def covariance(rows: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
    return (rows - rows.mean(0)).t() @ (others - others.mean(0)) / len(rows)


@pytest.mark.parametrize("sizes", [(3000,), (1, 2, 2997), (1500, 1500), (700,) * 4 + (200,)])
def test_batches_of_any_size_give_the_moments_of_all_rows(sizes: tuple[int, ...]) -> None:
    rows, wanted = rows_with_means(3000, 6), rows_with_means(3000, 4, seed=1)
    moments = Moments(6, 4)
    for part, target in zip(rows.split(sizes), wanted.split(sizes), strict=True):
        moments.update(part, target)
    assert moments.count == 3000
    torch.testing.assert_close(moments.mean, rows.mean(0), rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(moments.second, covariance(rows, rows), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(moments.cross, covariance(wanted, rows), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(moments.target_mean, wanted.mean(0), rtol=1e-13, atol=1e-13)
    variance = covariance(wanted, wanted).diagonal()
    torch.testing.assert_close(moments.target_variance, variance, rtol=1e-12, atol=1e-12)


def test_a_mean_far_above_the_deviations_costs_no_digits() -> None:
    """The naive E[x^2] - E[x]^2 has no digit left here, in float32 and hardly in float64."""
    rows = (1e4 + rows_with_means(5000, 8)).float()
    rows[2500:] += 50.0  # the batches' means lie apart, too
    rows[:, 0] = 3e4  # never varies
    moments = Moments(8)
    for part in rows.split(300):
        moments.update(part)
    truth = covariance(rows.double(), rows.double())
    scale = truth.diagonal().sqrt()
    apart = (moments.second - truth).abs()
    assert float((apart[1:, 1:] / scale[1:, None] / scale[1:]).max()) < 1e-6
    assert float(moments.second[0].abs().max()) == 0.0


def test_two_processes_merge_into_the_moments_of_all_rows() -> None:
    rows, wanted = rows_with_means(900, 5) + 100, rows_with_means(900, 3, seed=1)
    one, two = Moments(5, 3), Moments(5, 3)
    one.update(rows[:100], wanted[:100])
    two.update(rows[100:], wanted[100:])
    before = two.second
    one.merge(two)
    assert one.count == 900
    torch.testing.assert_close(one.second, covariance(rows, rows), rtol=1e-12, atol=1e-10)
    torch.testing.assert_close(one.cross, covariance(wanted, rows), rtol=1e-12, atol=1e-10)
    assert torch.equal(two.second, before)
    one.merge(Moments(5, 3))  # a process that saw nothing
    assert one.count == 900
    with pytest.raises(ValueError, match="same sizes"):
        one.merge(Moments(4, 3))


def test_beyond_a_block_moments_between_blocks_count_as_zero() -> None:
    rows = rows_with_means(200, 10)
    moments = Moments(10, block=4)
    moments.update(rows)
    assert moments.bounds == ((0, 3), (3, 7), (7, 10))
    truth = covariance(rows, rows)
    kept = torch.block_diag(*[torch.ones(b - a, b - a) for a, b in moments.bounds])
    torch.testing.assert_close(moments.second, truth * kept, rtol=1e-12, atol=1e-12)


def test_rows_may_change_after_they_were_given() -> None:
    rows = rows_with_means(50, 3)
    moments, truth = Moments(3), covariance(rows, rows)
    moments.update(rows)
    rows.zero_()
    torch.testing.assert_close(moments.second, truth, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("scale", [1e-25, 1e25])
def test_float32_rows_whose_squares_leave_its_range(scale: float) -> None:
    rows = (rows_with_means(64, 4) * scale).float()
    moments = Moments(4)
    moments.update(rows)
    truth = covariance(rows.double(), rows.double())
    torch.testing.assert_close(moments.second / scale**2, truth / scale**2, rtol=1e-5, atol=1e-6)


def test_half_precision_is_summed_in_float32() -> None:
    rows = rows_with_means(4000, 4).to(torch.bfloat16)
    moments = Moments(4)
    moments.update(rows)
    torch.testing.assert_close(
        moments.second, covariance(rows.double(), rows.double()), rtol=1e-5, atol=1e-5
    )


def test_bad_rows_are_refused() -> None:
    moments = Moments(3, 2)
    with pytest.raises(ValueError, match=r"rows: expected .* shape \(n, 3\), got"):
        moments.update(torch.zeros(5, 4), torch.zeros(5, 2))
    with pytest.raises(ValueError, match="target_rows: expected exactly where"):
        moments.update(torch.zeros(5, 3))
    with pytest.raises(ValueError, match="expected 5 rows"):
        moments.update(torch.zeros(5, 3), torch.zeros(4, 2))
    for broken in (float("nan"), float("inf")):
        moments = Moments(3)
        moments.update(torch.tensor([[1.0, 2.0, broken]]))
        with pytest.raises(ValueError, match="finite"):
            _ = moments.mean


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("rows", [1, 7, 3000])
def test_rows_vary_or_are_alike_to_rounding(dtype: torch.dtype, rows: int) -> None:
    row = (draw(6) + 1000).to(dtype)
    moments = Moments(6)
    for _ in range(3):
        moments.update(row.repeat(rows, 1))
    assert not moments.varies
    moments.update(row[None] + 1e-3)
    assert moments.varies
    assert not moments_of(torch.zeros(5, 6)).varies
