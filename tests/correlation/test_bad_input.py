"""Every refusal is one line that says what was expected and what came."""

import pytest
import torch

from qimlp.correlation import (
    analyze,
    correlations,
    density_matrix,
    fitted_product,
    mutual_information,
    nearest_product,
    partial_trace,
    schmidt_coefficients,
    schmidt_truncate,
    strong_correlation,
    total_correlation,
    von_neumann_entropy,
)

X = torch.ones(3, 4)
NAN = torch.tensor([1.0, float("nan"), 0, 0])
INFINITE = torch.tensor([1.0, float("inf"), 0, 0])
SKEW = torch.tensor([[0.5, 0.5], [0.0, 0.5]])
NEGATIVE = torch.diag(torch.tensor([1.5, -0.5]))


@pytest.mark.parametrize("function", [strong_correlation, total_correlation, mutual_information])
@pytest.mark.parametrize(
    ("x", "dims", "message"),
    [
        (torch.zeros(4), (2, 2), "x: expected vectors with a direction, got zeros only"),
        (torch.stack([X[0], 0 * X[0]]), (2, 2), "in 1 rows, the first is 1; leave them out"),
        (NAN, (2, 2), "x: expected finite numbers, got NaN or infinity in 1 entries"),
        (INFINITE, (2, 2), "got NaN or infinity"),
        (X, (2, 3), "x: expected last size 6 (= 2x3), got shape (3, 4)"),
        (X, (4,), "dims: expected two or more bodies, got (4,)"),
        (X, (), "dims: expected at least one size"),
        (X, (2, -2), "dims[1]: expected an integer of at least 1, got -2"),
        (torch.tensor(1.0), (1, 1), "x: expected last size 1"),
    ],
)
def test_vectors(function, x, dims, message):
    with pytest.raises(ValueError, match=r".") as caught:
        function(x, dims)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("function", [strong_correlation, total_correlation, mutual_information])
def test_types(function):
    with pytest.raises(
        TypeError, match="expected a floating-point or complex dtype, got torch.int64"
    ):
        function(torch.ones(3, 4, dtype=torch.int64), (2, 2))
    with pytest.raises(TypeError, match="x: expected a tensor, got list"):
        function([[1.0, 0, 0, 1]], (2, 2))
    with pytest.raises(TypeError, match=r"dims\[0\]: expected an integer of at least 1, got 2.0"):
        function(X, (2.0, 2))


@pytest.mark.parametrize(
    ("rho", "message"),
    [
        (SKEW, "rho: expected a Hermitian matrix, got one that differs from its adjoint by 0.5"),
        (torch.eye(2), "rho: expected trace 1, got one off by 1"),
        (NEGATIVE, "got one with the negative eigenvalue -0.5"),
        (torch.ones(2, 3), "rho: expected square matrices (..., n, n), got (2, 3)"),
        (torch.full((2, 2), float("nan")), "rho: expected finite numbers"),
    ],
)
def test_matrices(rho, message):
    with pytest.raises(ValueError, match=r".") as caught:
        von_neumann_entropy(rho)
    assert message in str(caught.value)


def test_matrices_of_several_bodies():
    with pytest.raises(ValueError, match="expected a Hermitian matrix"):
        mutual_information(torch.arange(16.0).reshape(4, 4), (2, 2))
    with pytest.raises(
        ValueError, match=r"rho: expected last size 6 \(= 2x3\), got shape \(4, 4\)"
    ):
        partial_trace(torch.eye(4) / 4, (2, 3), 0)
    with pytest.raises(ValueError, match="negative eigenvalue"):
        mutual_information(torch.diag(torch.tensor([1.5, -0.5, 0, 0])), (2, 2))
    for keep in ((), (0, 1), (2,), (0, 0), (-1,)):
        with pytest.raises(ValueError, match="keep"):
            partial_trace(torch.eye(4) / 4, (2, 2), keep)
    with pytest.raises(ValueError, match="parts without a common body"):
        mutual_information(torch.ones(8), (2, 2, 2), (0, 1), 1)


@pytest.mark.parametrize("part", ["0", 1.5, True, None])
def test_parts_of_another_kind(part):
    with pytest.raises(TypeError, match="part: expected the index of a body or a sequence of them"):
        mutual_information(X, (2, 2), part)


@pytest.mark.parametrize("base", [1, 0, -2, float("nan"), float("inf"), "bits", True])
def test_bases(base):
    with pytest.raises(ValueError, match="base: expected a finite number above 1"):
        strong_correlation(X, (2, 2), base=base)


def test_choices():
    with pytest.raises(ValueError, match="expected one of partial_trace, nearest_product, fitted"):
        strong_correlation(X, (2, 2), "closest")
    for subsystems in ("nearest_product", "fitted"):
        with pytest.raises(ValueError, match=r"expected two bodies for .*, got \(2, 2, 2\)"):
            strong_correlation(torch.ones(8), (2, 2, 2), subsystems)
        with pytest.raises(ValueError, match="expected 'partial_trace' for matrices"):
            correlations(torch.eye(4) / 4, (2, 2), subsystems, pure=False)
    for function in (nearest_product, fitted_product):
        with pytest.raises(ValueError, match="got zeros only"):
            function(torch.zeros(4), (2, 2))
    with pytest.raises(ValueError, match="part"):
        schmidt_coefficients(X, (2, 2), 2)
    with pytest.raises(ValueError, match="rank: expected an integer of at least 1, got 0"):
        schmidt_truncate(X, (2, 2), 0)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (torch.ones(2), "weights: expected 3 real numbers"),
        (torch.tensor([1.0, -1, 1]), "weights: expected numbers of 0 or more"),
        (torch.zeros(3), "with a positive sum"),
        (torch.tensor([1.0, float("nan"), 1]), "weights: expected finite numbers"),
    ],
)
def test_weights(weights, message):
    with pytest.raises(ValueError, match=message):
        density_matrix(X, weights)


def test_ensembles():
    with pytest.raises(ValueError, match="weights: expected none for one vector"):
        density_matrix(X[0], torch.ones(1))
    with pytest.raises(ValueError, match=r"expected a vector \(d,\) or vectors \(n, d\)"):
        density_matrix(torch.empty(0, 4))


def test_a_model_without_layers_to_look_at():
    with pytest.raises(ValueError, match="expected hidden KroneckerLinear layers"):
        analyze(torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Linear(4, 2)), X)
