import math

import pytest
import torch
from torch.nn.functional import linear

from qimlp.bench import problem as module
from qimlp.bench.case import BOTH, FORWARD, Case
from qimlp.bench.problem import make_problem, mode_products, rebuilt_weight, true_result
from qimlp.shapes import KroneckerShape

SHAPES = (
    KroneckerShape((5,), (3,), rank=2),
    KroneckerShape((2, 3), (4, 5), rank=3),
    KroneckerShape((2, 3, 4), (3, 1, 2)),
)


def problem_of(shape):
    return make_problem(Case(shape, 7), device=torch.device("cpu"), dtype=torch.float64)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_mode_products_are_the_dense_weight_applied(shape):
    problem = problem_of(shape)
    dense = linear(problem.x, rebuilt_weight(problem.factors))
    torch.testing.assert_close(mode_products(problem.x, problem.factors), dense)


def test_the_weight_is_the_sum_of_kronecker_products_first_factor_slowest():
    left = torch.tensor([[[1.0, 2.0]], [[0.0, 1.0]]])
    right = torch.tensor([[[3.0], [4.0]], [[10.0], [20.0]]])
    expected = torch.tensor([[3.0, 6.0 + 10.0], [4.0, 8.0 + 20.0]])
    assert torch.equal(rebuilt_weight([left, right]), expected)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_truth_does_not_depend_on_how_large_weights_are_treated(shape, monkeypatch):
    problem = problem_of(shape)
    dense = true_result(problem, BOTH)
    monkeypatch.setattr(module, "MOST_DENSE_ENTRIES", 0)
    by_mode = true_result(problem, BOTH)
    assert len(dense.gradients) == shape.num_factors + 2
    torch.testing.assert_close(by_mode.output, dense.output)
    torch.testing.assert_close(by_mode.gradients, dense.gradients)


def test_forward_alone_has_no_gradients():
    assert true_result(problem_of(SHAPES[1]), FORWARD).gradients == ()


def test_another_shape_is_infinitely_wrong():
    assert module.relative_error(torch.ones(2, 1), torch.ones(2)) == math.inf
