"""Kronecker fits against the definition of the error, a generic optimizer and known sums."""

import pytest
import torch
from torch import Tensor

from qimlp.compression.fits import Kronecker, Layout, Moments
from qimlp.functional import kron_bias, kron_dense, nearest_kronecker, nearest_kronecker_bias
from tests.compression.fits.examples import (
    draw,
    fit_kronecker,
    inputs,
    kronecker_curve,
    moments_of,
    output_error,
)

LAYOUTS = [
    Layout("kronecker", (3, 4), (4, 2)),
    Layout("kronecker", (2, 3, 4), (3, 2, 2)),
    Layout("kronecker", (2, 2, 2, 3), (2, 3, 2, 2)),
]


def known_sum(layout: Layout, rank: int) -> Tensor:
    shapes = layout.shape(rank).factor_shapes
    return kron_dense([draw(*shape, seed=20 + i) for i, shape in enumerate(shapes)])


def kronecker_bias(layout: Layout) -> Tensor:
    return kron_bias([draw(size, seed=5 + i) for i, size in enumerate(layout.out_dims)])


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("aware", [True, False])
def test_a_sum_of_that_rank_is_recovered(layout: Layout, rank: int, aware: bool) -> None:
    weight = known_sum(layout, rank)
    bias, rows = kronecker_bias(layout), inputs(300, weight.shape[1])
    fit = fit_kronecker(weight, moments_of(rows) if aware else None, layout, rank, bias=bias)
    assert fit.weight_error < 1e-10
    torch.testing.assert_close(kron_dense(fit.factors), weight, rtol=0, atol=1e-9)
    torch.testing.assert_close(fit.bias, bias, rtol=0, atol=1e-8)


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@pytest.mark.parametrize("has_bias", [True, False])
@pytest.mark.parametrize("regressed", [True, False])
def test_the_error_is_that_of_the_definition(
    layout: Layout, has_bias: bool, regressed: bool
) -> None:
    outs, ins = layout.shape(1).out_features, layout.shape(1).in_features
    weight, rows = draw(outs, ins), inputs(300, ins)
    bias = draw(outs, seed=5) if has_bias else None
    wanted = rows @ weight.t() + (0 if bias is None else bias)
    if regressed:
        wanted = wanted + 0.5 * draw(300, outs, seed=6) + rows.square() @ draw(outs, ins).t() / 9
    moments = moments_of(rows, wanted if regressed else None)
    for rank in (1, 3):
        fit = fit_kronecker(weight, moments, layout, rank, bias=bias)
        assert fit.error == pytest.approx(output_error(fit, rows, wanted), abs=1e-9)
        missed = (kron_dense(fit.factors) - weight).norm() / weight.norm()
        assert fit.weight_error == pytest.approx(float(missed), abs=1e-12)


def optimized(start: list[Tensor], rows: Tensor, wanted: Tensor) -> float:
    """Relative output error after L-BFGS on the definition, from given factors."""
    factors = [each.clone().requires_grad_() for each in start]
    centred, aims = rows - rows.mean(0), wanted - wanted.mean(0)
    optimizer = torch.optim.LBFGS(
        factors, max_iter=400, history_size=50, line_search_fn="strong_wolfe", tolerance_change=0
    )

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = (aims - centred @ kron_dense(factors).t()).square().sum() / aims.square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    return float(loss().detach().sqrt())


@pytest.mark.parametrize("layout", LAYOUTS[:2], ids=str)
@pytest.mark.parametrize("regressed", [True, False])
def test_it_is_about_as_good_as_a_generic_optimizer(layout: Layout, regressed: bool) -> None:
    shape = layout.shape(2)
    weight, rows = draw(shape.out_features, shape.in_features), inputs(300, shape.in_features)
    bias = draw(shape.out_features, seed=5)
    wanted = rows @ weight.t() + bias + regressed * draw(300, shape.out_features, seed=8)
    moments = moments_of(rows, wanted if regressed else None)
    fit = fit_kronecker(weight, moments, layout, 2, bias=bias, damping=0.0)
    assert optimized(fit.factors, rows, wanted) > 0.85 * fit.error  # it may be slow at the end
    others = [
        optimized([draw(*each, seed=40 + seed) for each in shape.factor_shapes], rows, wanted)
        for seed in range(5)
    ]
    assert fit.error < 1.1 * sorted(others)[2]
    plain = kron_dense(fit_kronecker(weight, None, layout, 2, bias=bias).factors)
    centred, aims = rows - rows.mean(0), wanted - wanted.mean(0)
    assert fit.error < 0.97 * float((aims - centred @ plain.t()).norm() / aims.norm())


def test_under_a_factored_covariance_the_curve_is_exact_and_the_fit_optimal() -> None:
    layout = LAYOUTS[0]
    weight = draw(8, 12)
    one, two = inputs(50, 3, mean=0.0), inputs(50, 4, seed=7, mean=0.0)
    rows = torch.einsum("ai,bj->abij", one, two).reshape(2500, 12)
    rows = torch.cat([rows, -rows])  # no mean, and second moments a Kronecker product
    moments, wanted = moments_of(rows), rows @ weight.t()
    bias = torch.zeros(8, dtype=torch.float64)
    found = Kronecker(weight, moments, layout, bias=bias, damping=0.0)
    assert found.curve.estimated
    for rank in (1, 2, 5):
        fit = found.fit(rank)
        assert fit.error == pytest.approx(output_error(fit, rows, wanted), abs=1e-9)
        assert fit.error == pytest.approx(found.curve.errors[rank], rel=1e-6)
    assert found.curve.errors[0] == 1.0
    assert found.curve.errors[layout.max_rank] < 1e-6


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_without_moments_it_is_the_nearest_sum(layout: Layout) -> None:
    shape = layout.shape(1)
    weight, bias = draw(shape.out_features, shape.in_features), kronecker_bias(layout)
    found = Kronecker(weight, None, layout, bias=bias)
    assert not found.curve.estimated
    for rank in (1, 3):
        fit = found.fit(rank)
        _, error = nearest_kronecker(weight, layout.in_dims, layout.out_dims, rank)
        assert fit.error == pytest.approx(fit.weight_error, abs=1e-12)
        assert fit.error == pytest.approx(float(error), rel=1e-6 if shape.num_factors == 2 else 0.1)
        assert found.curve.errors[rank] == pytest.approx(fit.error, rel=0.1)
        assert torch.equal(fit.bias, bias)


def test_curves_fall_and_end_where_nothing_is_saved() -> None:
    for layout in LAYOUTS:
        shape = layout.shape(1)
        weight = draw(shape.out_features, shape.in_features)
        curve = kronecker_curve(weight, moments_of(inputs(99, shape.in_features)), layout)
        assert curve.errors[0] == 1.0
        assert list(curve.errors) == sorted(curve.errors, reverse=True)
        last = layout.shape(len(curve.errors) - 1)
        if shape.num_factors == 2:
            assert len(curve.errors) - 1 == layout.max_rank
        else:
            assert last.weight_parameters <= shape.dense_weight_parameters


def test_a_curve_of_three_factors_is_measured_and_goes_on_beyond() -> None:
    layout = Layout("kronecker", (4, 5, 6), (6, 5, 4))
    weight = draw(120, 120)
    curve = Kronecker(weight, None, layout, bias=draw(120)).curve
    assert len(curve.errors) - 1 == 120 * 120 // 73  # as far as it is smaller than dense
    for rank in (4, 16, 64):
        fit = fit_kronecker(weight, None, layout, rank)
        assert curve.errors[rank] == pytest.approx(fit.weight_error, abs=0.05)
    assert curve.errors[64] > curve.errors[100] > curve.errors[197] > 0


def test_two_factors_come_with_orthogonal_terms_the_largest_first() -> None:
    fit = fit_kronecker(draw(8, 12), moments_of(inputs(99, 12)), LAYOUTS[0], 3)
    for each in fit.factors:
        gram = each.flatten(1) @ each.flatten(1).t()
        assert float((gram - gram.diagonal().diag()).abs().max()) < 1e-10
        assert float(gram.diagonal().diff().max()) < 0


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@pytest.mark.parametrize("aware", [True, False])
def test_what_the_stored_bias_misses_counts_in_curve_and_fit(layout: Layout, aware: bool) -> None:
    shape = layout.shape(1)
    weight, rows = known_sum(layout, 1), inputs(300, shape.in_features)
    bias = draw(shape.out_features, seed=5)
    wanted = rows @ weight.t() + bias
    found = Kronecker(weight, moments_of(rows) if aware else None, layout, bias=bias)
    fit = found.fit(1)
    assert layout.bias_form(1) == "kronecker"
    assert 0.05 < fit.error < 1
    assert found.curve.errors[1] == pytest.approx(fit.error, rel=0.35)
    if aware:
        assert fit.error == pytest.approx(output_error(fit, rows, wanted), abs=1e-9)
        apart = nearest_kronecker_bias(bias, layout.out_dims)  # beside the weight that is exact
        off = (bias - kron_bias(apart)).norm() * 300**0.5 / (wanted - wanted.mean(0)).norm()
        assert fit.error < 0.9 * float(off)


def test_limits_are_kept_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    weight, bias, rows = draw(8, 12), draw(8, seed=5), inputs(99, 12)
    blockwise = Moments(12, block=5)
    blockwise.update(rows)
    layout = LAYOUTS[0]
    fit = fit_kronecker(weight, blockwise, layout, 2, bias=bias)
    assert fit.note == "factored covariance alone, for 12 inputs"
    whole = fit_kronecker(weight, moments_of(rows), layout, 2, bias=bias)
    assert whole.note == ""
    monkeypatch.setattr("qimlp.compression.fits.kronecker.MAX_FLOPS", 10)
    dear = fit_kronecker(weight, moments_of(rows), layout, 2, bias=bias)
    assert dear.note == "factored covariance alone, as rank 2 is dear"
    assert whole.error < dear.error < 1


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_inputs_that_never_vary_and_a_zero_weight(layout: Layout) -> None:
    shape = layout.shape(1)
    weight, rows = draw(shape.out_features, shape.in_features), inputs(6, shape.in_features)
    rows[:, :3] = 5.0
    bias = draw(shape.out_features, seed=5)
    fit = fit_kronecker(weight, moments_of(rows), layout, 2, bias=bias, damping=0.0)
    wanted = rows @ weight.t() + bias
    assert fit.error == pytest.approx(output_error(fit, rows, wanted), abs=1e-6)
    assert fit.error < (1.5 if layout.bias_form(2) == "kronecker" else 1)
    nothing = fit_kronecker(torch.zeros_like(weight), moments_of(rows), layout, 2, bias=bias)
    assert not any(bool(each.any()) for each in nothing.factors)
    assert nothing.error == 0.0
    torch.testing.assert_close(nothing.bias, bias)


def test_bad_questions_are_refused() -> None:
    with pytest.raises(ValueError, match=r"weight: expected shape \(8, 12\) for kronecker"):
        fit_kronecker(draw(8, 11), None, LAYOUTS[0], 2)
    with pytest.raises(ValueError, match="rank"):
        fit_kronecker(draw(8, 12), None, LAYOUTS[0], 0)
