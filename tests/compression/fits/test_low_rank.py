"""The closed form against the definition of the error, and against every weight near it."""

import pytest
import torch
from torch import Tensor

from qimlp.compression.fits import LowRank, Moments
from qimlp.functional import kron_dense, nearest_kronecker
from tests.compression.fits.examples import (
    draw,
    fit_low_rank,
    inputs,
    low_rank_curve,
    moments_of,
    output_error,
)

SIZES = [(6, 9), (9, 6), (7, 7)]


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("has_bias", [True, False])
@pytest.mark.parametrize("regressed", [True, False])
@pytest.mark.parametrize("damping", [0.0, 0.1])
def test_the_curve_is_the_error_that_the_fits_have(
    sizes: tuple[int, int], has_bias: bool, regressed: bool, damping: float
) -> None:
    weight, rows = draw(*sizes), inputs(400, sizes[1])
    bias = draw(sizes[0], seed=5) if has_bias else None
    wanted = rows @ weight.t() + (0 if bias is None else bias)
    if regressed:
        wanted = wanted + 0.3 * draw(400, sizes[0], seed=6) + rows.square() @ draw(*sizes).t() / 9
    moments = moments_of(rows, wanted if regressed else None)
    found = LowRank(weight, moments, bias=bias, damping=damping)
    assert found.curve.errors[0] == 1.0
    assert not found.curve.estimated
    for rank in range(1, min(sizes) + 1):
        fit = found.fit(rank)
        truth = output_error(fit, rows, wanted)
        assert fit.error == pytest.approx(truth, abs=1e-7)
        assert found.curve.errors[rank] == fit.error
        missed = (kron_dense(fit.factors) - weight).norm() / weight.norm()
        assert fit.weight_error == pytest.approx(float(missed), abs=1e-12)


def worst_of_neighbours(weight: Tensor, rows: Tensor, wanted: Tensor, left: Tensor) -> float:
    """Least error of regressions on inputs projected near the row space that was found."""
    centred, aims = rows - rows.mean(0), wanted - wanted.mean(0)
    best = float("inf")
    for seed in range(50):
        basis = left + 10.0 ** -(seed % 5) * draw(*left.shape, seed=seed)
        inside = torch.linalg.qr(basis).Q
        projected = aims @ inside @ inside.t()
        solved = torch.linalg.lstsq(centred, projected).solution
        best = min(best, float((aims - centred @ solved).norm() / aims.norm()))
    return best


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("regressed", [True, False])
def test_no_weight_of_the_same_rank_near_it_is_better(
    sizes: tuple[int, int], regressed: bool
) -> None:
    weight, bias, rows = draw(*sizes), draw(sizes[0], seed=5), inputs(300, sizes[1])
    wanted = rows @ weight.t() + bias + regressed * draw(300, sizes[0], seed=8)
    moments = moments_of(rows, wanted if regressed else None)
    for rank in (1, 3):
        fit = fit_low_rank(weight, moments, rank, bias=bias, damping=0.0)
        left = fit.factors[0][:, :, 0].t()
        neighbour = worst_of_neighbours(weight, rows, wanted, left)
        assert fit.error <= neighbour + 1e-12
        plain = kron_dense(fit_low_rank(weight, None, rank, bias=bias).factors)
        centred, aims = rows - rows.mean(0), wanted - wanted.mean(0)
        assert fit.error < float((aims - centred @ plain.t()).norm() / aims.norm())


@pytest.mark.parametrize("sizes", SIZES)
def test_without_moments_it_is_the_nearest_weight(sizes: tuple[int, int]) -> None:
    weight, bias = draw(*sizes), draw(sizes[0], seed=5)
    for rank in (1, 4):
        fit = fit_low_rank(weight, None, rank, bias=bias)
        nearest, error = nearest_kronecker(weight, (1, sizes[1]), (sizes[0], 1), rank)
        torch.testing.assert_close(
            kron_dense(fit.factors), kron_dense(nearest), rtol=1e-9, atol=1e-9
        )
        assert fit.error == pytest.approx(float(error), abs=1e-9)
        assert fit.weight_error == pytest.approx(float(error), abs=1e-12)
        assert torch.equal(fit.bias, bias)


@pytest.mark.parametrize("sizes", SIZES)
def test_a_weight_of_that_rank_is_recovered(sizes: tuple[int, int]) -> None:
    weight = draw(sizes[0], 3) @ draw(3, sizes[1], seed=1)
    bias, rows = draw(sizes[0], seed=5), inputs(200, sizes[1])
    fit = fit_low_rank(weight, moments_of(rows), 3, bias=bias)
    torch.testing.assert_close(kron_dense(fit.factors), weight, rtol=0, atol=1e-10)
    torch.testing.assert_close(fit.bias, bias, rtol=0, atol=1e-10)
    assert fit.weight_error < 1e-10


@pytest.mark.parametrize("rows", [4, 8, 16, 48])
def test_few_rows_do_no_harm_to_new_ones(rows: int) -> None:
    """Inputs alike in all directions: of these the second moments of few rows know nothing."""

    def missed(moments: Moments | None, damping: float) -> float:
        fit = fit_low_rank(weight, moments, 12, damping=damping)
        return float(((weight - kron_dense(fit.factors)) @ fresh.t()).norm())

    weight, fresh = draw(48, 48), draw(2000, 48, seed=1)
    seen = moments_of(draw(rows, 48, seed=2))
    assert missed(seen, 1e-3) <= 1.01 * missed(None, 0.0)
    assert missed(seen, 1e-3) < 0.97 * missed(seen, 0.0)


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("damping", [0.0, 1e-3])
def test_inputs_that_never_vary_and_fewer_rows_than_inputs(
    sizes: tuple[int, int], damping: float
) -> None:
    weight, bias, rows = draw(*sizes), draw(sizes[0], seed=5), inputs(4, sizes[1])
    rows[:, :2] = 7.0
    wanted = rows @ weight.t() + bias
    fit = fit_low_rank(weight, moments_of(rows), 3, bias=bias, damping=damping)
    # 4 rows less their mean have rank 3; damping has them count for less where they are so few
    assert output_error(fit, rows, wanted) < (0.2 if damping else 1e-5)
    assert fit.weight_error < 2
    rows[:] = 7.0
    fit = fit_low_rank(weight, moments_of(rows), 3, bias=bias, damping=damping)
    torch.testing.assert_close(
        rows @ kron_dense(fit.factors).t() + fit.bias, rows @ weight.t() + bias
    )
    assert fit.error == 0.0
    assert fit.weight_error == pytest.approx(fit_low_rank(weight, None, 3).weight_error)


def test_blocks_of_moments_are_each_taken_for_themselves() -> None:
    weight, bias, rows = draw(6, 9), draw(6, seed=5), inputs(300, 9)
    moments = Moments(9, block=4)
    moments.update(rows)
    whole = moments_of(rows)
    assert whole.count == 300  # all rows are in the sums now
    whole._sums[0] *= torch.block_diag(*[torch.ones(b - a, b - a) for a, b in moments.bounds])
    for rank in (1, 3, 6):
        by_blocks = fit_low_rank(weight, moments, rank, bias=bias)
        dense = fit_low_rank(weight, whole, rank, bias=bias)
        torch.testing.assert_close(
            kron_dense(by_blocks.factors), kron_dense(dense.factors), rtol=1e-9, atol=1e-9
        )
        assert by_blocks.error == pytest.approx(dense.error, abs=1e-9)


def test_dtype_and_balance_of_what_is_handed_back() -> None:
    weight, bias = draw(6, 9).to(torch.bfloat16), draw(6).float()
    fit = fit_low_rank(weight, moments_of(inputs(50, 9)), 2, bias=bias)
    assert [each.dtype for each in fit.factors] == [torch.bfloat16] * 2
    assert [tuple(each.shape) for each in fit.factors] == [(2, 6, 1), (2, 1, 9)]
    assert fit.bias is not None
    assert fit.bias.dtype == torch.float32
    left, right = (each.double().flatten(1).norm(dim=1) for each in fit.factors)
    torch.testing.assert_close(left, right, rtol=1e-2, atol=0)


def test_bad_questions_are_refused() -> None:
    weight = draw(6, 9)
    with pytest.raises(ValueError, match="rank: expected 1 to 6, got 7"):
        fit_low_rank(weight, None, 7)
    with pytest.raises(ValueError, match="moments: expected those of 9 inputs and 6 outputs"):
        low_rank_curve(weight, moments_of(inputs(20, 8)))
    with pytest.raises(ValueError, match="one row or more, got none"):
        low_rank_curve(weight, Moments(9))
    with pytest.raises(TypeError, match="weight"):
        low_rank_curve(torch.zeros(3, 3, dtype=torch.int64))
