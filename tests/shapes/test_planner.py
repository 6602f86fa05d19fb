from itertools import pairwise
from math import prod

import pytest
import torch

import qimlp
from qimlp.shapes import PAPER_NETWORKS


def test_the_papers_two_body_shapes_come_first():
    expected = {784: (28, 28), 3072: (48, 64), 768: (24, 32), 5000: (50, 100)}
    for width, dims in expected.items():
        best = qimlp.plan(width, width)[0]
        assert best.in_dims == dims
        assert sorted(best.out_dims) == list(dims)


def test_every_layer_of_the_paper_is_proposed():
    found = 0
    for networks in PAPER_NETWORKS.values():
        for bodies, dims in networks.items():
            for ins, outs in pairwise(dims):
                plans = qimlp.plan(prod(ins), prod(outs), bodies)
                matching = [p for p in plans if (p.in_dims, p.out_dims) == (ins, outs)]
                assert len(matching) == 1, (ins, outs)
                assert "the paper's" in matching[0].note
                found += 1
    assert found == 3 * 3 + 3 * 5 + 2 * 3 + 2 * 5


@pytest.mark.parametrize("num_factors", [1, 2, 3, 4, 5])
def test_plans_multiply_up_and_have_the_number_of_factors_asked_for(num_factors):
    plans = qimlp.plan(784, 60, num_factors, rank=2)
    assert plans
    for p in plans:
        assert (prod(p.in_dims), prod(p.out_dims)) == (784, 60)
        assert len(p.in_dims) == len(p.out_dims) == num_factors
        assert p.parameters == p.shape.parameters("kronecker")
        assert p.compression == p.dense_parameters / p.parameters
        assert p.predicted_cost > 0


def test_a_prime_width_is_said_plainly():
    plans = qimlp.plan(784, 127)
    assert all(p.out_dims in {(1, 127), (127, 1)} for p in plans)
    assert all("output width 127 is prime" in p.note for p in plans)
    disguised = qimlp.plan(127, 131)[0]
    assert "input width 127 is prime" in disguised.note
    squares = [p for p in qimlp.plan(127, 131) if p.in_dims == (1, 127) and p.out_dims == (1, 131)]
    assert "a dense layer in disguise" in squares[0].note


def test_equal_bodies_come_first():
    assert qimlp.plan(64, 64)[0].in_dims == (8, 8)
    assert qimlp.plan(4096, 4096, 3)[0].in_dims == (16, 16, 16)


@pytest.mark.parametrize("dims", [((24, 32), (32, 24)), ((1, 53), (5, 2)), ((6, 4), (2, 9))])
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_matrix_rank_is_that_of_a_random_weight(dims, rank):
    shape = qimlp.KroneckerShape(*dims, rank)
    factors = [torch.randn(size, dtype=torch.float64) for size in shape.factor_shapes]
    weight = qimlp.functional.kron_dense(factors)
    assert torch.linalg.matrix_rank(weight) == shape.matrix_rank


@pytest.mark.parametrize("width", [768, 3072, 5000, 720, 53])
def test_a_weight_of_full_rank_comes_first(width):
    """`(24, 32) -> (32, 24)` has fewer parameters than `(24, 32) -> (24, 32)`, and rank 576."""
    plans = qimlp.plan(width, width)
    assert plans[0].matrix_rank == width
    assert any(p.matrix_rank < width for p in qimlp.plan(width, width, limit=None))


def test_the_most_of_a_prime_width():
    """The first choice for ten classes was of rank 2."""
    assert qimlp.plan(53, 10)[0].matrix_rank == 5


def test_limit():
    assert len(qimlp.plan(720, 720, 3, limit=4)) == 4
    assert len(qimlp.plan(720, 720, 3, limit=None)) > 20


@pytest.mark.timeout(120)
@pytest.mark.parametrize("num_factors", [3, 4, 8])
@pytest.mark.parametrize("width", [720_720, 963_761_198_400])
def test_highly_composite_widths_are_searched_in_part_and_it_is_said(width, num_factors):
    plans = qimlp.plan(width, width, num_factors)
    assert len(plans) == 20
    told = f"searched the 40 most balanced factorisations of {width}; there are more"
    assert {p.search for p in plans} == {told}


def test_a_search_of_everything_says_nothing():
    assert {p.search for p in qimlp.plan(784, 60, 3)} == {""}
    (first, *_) = qimlp.plan(784, 720_720, 3)
    assert first.search.startswith("searched the 40 most balanced factorisations of 720720;")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((0, 10), ValueError, "in_features"),
        ((10, -3), ValueError, "out_features"),
        ((10, 10, 0), ValueError, "num_factors"),
        ((10, 10, 2, 0), ValueError, "rank"),
        ((10.0, 10), TypeError, "in_features"),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        qimlp.plan(*arguments)
