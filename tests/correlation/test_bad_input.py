"""Every refusal is one line that says what was expected and what came."""

import math

import pytest
import torch

from qimlp.correlation import (
    correlations,
    density_matrix,
    effective_rank,
    entanglement_spectrum,
    fitted_product,
    mutual_information,
    nearest_product,
    page_entropy,
    partial_trace,
    permute_across_bodies,
    random_vectors,
    reduced_density_matrix,
    relate,
    schmidt_coefficients,
    schmidt_rank,
    schmidt_truncate,
    shuffle_between_samples,
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


DENSE = torch.ones(3, 4)
STATE = torch.eye(4) / 4
GENERATOR = torch.Generator()
OF_VECTORS = {
    "strong_correlation": lambda x: strong_correlation(x, (2, 2)),
    "nearest": lambda x: strong_correlation(x, (2, 2), "nearest_product"),
    "fitted": lambda x: fitted_product(x, (2, 2)),
    "total_correlation": lambda x: total_correlation(x, (2, 2)),
    "mutual_information": lambda x: mutual_information(x, (2, 2)),
    "correlations": lambda x: correlations(x, (2, 2)),
    "schmidt_coefficients": lambda x: schmidt_coefficients(x, (2, 2)),
    "schmidt_rank": lambda x: schmidt_rank(x, (2, 2)),
    "entanglement_spectrum": lambda x: entanglement_spectrum(x, (2, 2)),
    "effective_rank": lambda x: effective_rank(x, (2, 2)),
    "schmidt_truncate": lambda x: schmidt_truncate(x, (2, 2), 1),
    "reduced_density_matrix": lambda x: reduced_density_matrix(x, (2, 2), 0),
    "density_matrix": density_matrix,
    "weights": lambda x: density_matrix(DENSE, x),
}
OF_MATRICES = {
    "von_neumann_entropy": von_neumann_entropy,
    "partial_trace": lambda rho: partial_trace(rho, (2, 2), 0),
    "strong_correlation": lambda rho: strong_correlation(rho, (2, 2), pure=False),
    "total_correlation": lambda rho: total_correlation(rho, (2, 2), pure=False),
    "mutual_information": lambda rho: mutual_information(rho, (2, 2), pure=False),
}
OF_ROWS = {
    "shuffle": lambda rows: shuffle_between_samples(rows, GENERATOR),
    "permute": lambda rows: permute_across_bodies(rows, GENERATOR),
}
UNUSABLE = {
    "meta": (lambda t: t.to("meta"), ValueError, "on the meta device, which has none"),
    "bool": (lambda t: t > 0, TypeError, "got torch.bool; convert with"),
    "int": (lambda t: t.to(torch.int64), TypeError, "got torch.int64; convert with"),
    "float8": (lambda t: t.to(torch.float8_e4m3fn), TypeError, "got torch.float8_e4m3fn"),
    "nan": (lambda t: t * math.nan, ValueError, "got NaN or infinity in"),
    "infinite": (lambda t: t / 0, ValueError, "got NaN or infinity in"),
    "sparse": (lambda t: t.to_sparse(), TypeError, "layout torch.sparse_coo; convert with"),
    "list": (lambda t: t.tolist(), TypeError, "expected a tensor, got list"),
    "array": (lambda t: t.numpy(), TypeError, "expected a tensor, got ndarray"),
    "nothing": (lambda t: "0.5", TypeError, "expected a tensor, got str"),
}


@pytest.mark.parametrize("kind", UNUSABLE)
@pytest.mark.parametrize("name", OF_VECTORS)
def test_tensors_without_usable_numbers(name, kind):
    change, error, message = UNUSABLE[kind]
    with pytest.raises(error, match=r".") as caught:
        OF_VECTORS[name](change(DENSE))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", UNUSABLE)
@pytest.mark.parametrize("name", OF_MATRICES)
def test_matrices_without_usable_numbers(name, kind):
    change, error, message = UNUSABLE[kind]
    with pytest.raises(error, match=r".") as caught:
        OF_MATRICES[name](change(STATE))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["meta", "float8", "sparse", "list", "array", "nothing"])
@pytest.mark.parametrize("name", OF_ROWS)
def test_rows_that_cannot_be_moved(name, kind):
    change, error, _ = UNUSABLE[kind]
    with pytest.raises(error, match="rows: expected"):
        OF_ROWS[name](change(DENSE))
    with pytest.raises(ValueError, match=r"rows: expected rows \(n, d\), got shape \(4,\)"):
        OF_ROWS[name](DENSE[0])
    assert OF_ROWS[name](DENSE[:0]).shape == (0, 4)


@pytest.mark.parametrize("name", [name for name in OF_VECTORS if name not in ("weights",)])
def test_half_complex_and_empty_input_is_measured(name):
    vectors = torch.tensor([[1.0, 0, 0, 1], [1, 1, 0, 0]])
    if name != "density_matrix":
        assert len_of(OF_VECTORS[name](vectors[:0])) == 0
    for dtype in (torch.float16, torch.bfloat16, torch.complex64, torch.float64):
        assert len_of(OF_VECTORS[name](vectors.to(dtype))) == (4 if name == "density_matrix" else 2)
    assert len_of(OF_VECTORS[name](vectors.clone().requires_grad_())) in (2, 4)


def len_of(result) -> int:
    return len(getattr(result, "strong", getattr(result, "overlap", result)))


def test_strong_correlation_of_complex_half_and_differentiable_bell_states():
    bell = torch.tensor([1.0, 0, 0, 1])
    for dtype in (torch.float16, torch.float32, torch.complex64, torch.complex128):
        assert float(strong_correlation(bell.to(dtype), (2, 2), base=2)) == pytest.approx(1)
    x = bell.double().requires_grad_()
    strong_correlation(x, (2, 2)).backward()
    assert torch.isfinite(x.grad).all()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: schmidt_rank(X, (2, 2), tolerance=math.nan), ValueError, "tolerance: expected"),
        (lambda: schmidt_rank(X, (2, 2), tolerance="0"), TypeError, "tolerance: expected"),
        (lambda: schmidt_truncate(X, (2, 2), 1.5), TypeError, "rank: expected an integer"),
        (lambda: fitted_product(X, (2, 2), learning_rate=0), ValueError, "learning_rate: expected"),
        (lambda: fitted_product(X, (2, 2), max_steps=1.5), TypeError, "max_steps: expected"),
        (lambda: fitted_product(X, (2, 2), seed="a"), TypeError, "seed: expected an integer"),
        (lambda: fitted_product(X, (2, 2), seed=2**70), ValueError, "at most 64 bits"),
        (lambda: strong_correlation(X, (2, 2), pure="yes"), TypeError, "pure: expected True, Fals"),
        (lambda: random_vectors(-1, 3, GENERATOR), ValueError, "count: expected an integer"),
        (lambda: random_vectors(1, 3, 5), TypeError, "generator: expected a torch.Generator"),
        (lambda: relate([1, 2, 3, math.inf], [1] * 4), ValueError, "x: expected a finite number"),
        (lambda: relate([1, 2, 3, 4], ["a"] * 4), TypeError, "y: expected a finite number"),
        (lambda: page_entropy((10**200, 10**200)), ValueError, "product is at most 1e"),
    ],
)
def test_numbers_of_another_kind(call, error, message):
    with pytest.raises(error, match=r".") as caught:
        call()
    assert message in str(caught.value)
    assert len(str(caught.value)) < 200


def test_pages_entropy_of_wide_bodies():
    # (m - 1) / (2 n) below log m, up to 1 / (2 m n)
    for m, n in ((3000, 4000), (10**9, 10**9)):
        assert page_entropy((m, n)) == pytest.approx(math.log(m) - m / (2 * n), abs=1e-4)
