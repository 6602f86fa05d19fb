"""A grid of features, learned again from examples whose covariance is known."""

import numpy as np
import pytest
import torch

from qimlp.data.features.grid.assignment import improve, nearest_cells
from qimlp.data.features.grid.order import grid_order, grid_shape
from qimlp.data.features.ordering import spectral_order


def chain(size: int, correlation: float) -> torch.Tensor:
    """Correlations of neighbours that fall off as powers."""
    steps = torch.arange(size)
    return torch.tensor(correlation) ** (steps[:, None] - steps).abs()


def separable(rows: int, columns: int, examples: int, *, correlation: float = 0.7, seed: int = 0):
    """Normal examples of covariance R (x) C, features shuffled; and each feature's true cell."""
    random = torch.Generator().manual_seed(seed)
    left = torch.linalg.cholesky(chain(rows, correlation))
    right = torch.linalg.cholesky(chain(columns, correlation))
    noise = torch.randn(examples, rows, columns, generator=random)
    shuffled = torch.randperm(rows * columns, generator=random)
    return (left @ noise @ right.T).flatten(1)[:, shuffled], shuffled


def kept(cells: torch.Tensor, shape: tuple[int, int]) -> float:
    """Share of sides of the true grid that are sides of the learned one; `cells` in its order."""
    grid = torch.stack((cells // shape[1], cells % shape[1]), dim=-1).view(*shape, 2)
    beside = [
        (here - there).abs().sum(dim=-1) == 1
        for here, there in ((grid[1:], grid[:-1]), (grid[:, 1:], grid[:, :-1]))
    ]
    return sum(int(side.sum()) for side in beside) / sum(side.numel() for side in beside)


@pytest.mark.parametrize(
    ("shape", "examples"), [((12, 10), 4000), ((16, 16), 3000), ((6, 25), 2000), ((34, 8), 2000)]
)
def test_the_grid_of_a_separable_covariance_is_found_again(shape, examples):
    inputs, cells = separable(*shape, examples)
    order = grid_order(inputs, shape, centre=True)
    assert kept(cells[order], shape) > 0.97
    assert kept(cells[spectral_order(inputs, centre=True)], shape) < 0.6


def test_fewer_examples_than_features_still_find_most_of_it():
    inputs, cells = separable(16, 16, 200)
    order = grid_order(inputs, (16, 16), centre=True)
    assert kept(cells[order], (16, 16)) > 0.8


def test_features_turned_round_or_scaled_keep_their_place():
    inputs, _ = separable(12, 10, 2000)
    expected = grid_order(inputs, (12, 10), centre=True)
    signs = 1.0 - 2.0 * (torch.arange(120) % 3 == 0)
    assert torch.equal(grid_order(inputs * signs * 4.0, (12, 10), centre=True), expected)


def test_the_order_is_the_same_every_time_and_leaves_the_random_state_alone():
    inputs, _ = separable(9, 8, 500)
    state = torch.random.get_rng_state()
    order = grid_order(inputs, (9, 8), centre=True)
    assert torch.equal(order, grid_order(inputs, (9, 8), centre=True))
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize("dims", [(30, 1), (1, 30), (30,)])
def test_a_chain_of_features_is_found_again(dims):
    inputs, cells = separable(30, 1, 2000)
    order = grid_order(inputs, dims, centre=True)
    assert (cells[order].diff().abs() == 1).float().mean() > 0.9


def test_constant_features_fill_the_cells_that_are_left():
    inputs, cells = separable(12, 10, 3000)
    border = (cells // 10 == 0) | (cells % 10 == 9)  # the grid is then 11 x 9
    inputs = inputs.masked_fill(border, 3.0)
    order = grid_order(inputs, (12, 10), centre=True)
    assert torch.equal(order.sort().values, torch.arange(120))
    sides = kept(torch.where(border, 10_000 * (1 + cells), cells)[order], (12, 10))
    assert sides * (11 * 10 + 12 * 9) > 0.9 * (10 * 9 + 11 * 8)


@pytest.mark.parametrize("features", [1, 2, 3, 4, 6, 65])
@pytest.mark.parametrize("examples", [1, 2, 40])
def test_any_numbers_make_an_order(features, examples):
    inputs = torch.rand(examples, features, generator=torch.Generator().manual_seed(1))
    for columns in {1, features, next(size for size in (5, 3, 2, 1) if features % size == 0)}:
        for centre in (True, False):
            order = grid_order(inputs, (features // columns, columns), centre=centre)
            assert torch.equal(order.sort().values, torch.arange(features))


@pytest.mark.parametrize(
    "inputs",
    [
        torch.zeros(5, 12),
        torch.eye(12),
        torch.ones(6, 1) * torch.arange(12.0),
        torch.arange(6.0)[:, None].expand(6, 12),
        torch.arange(72, dtype=torch.uint8).view(6, 12),
        torch.arange(72.0).view(6, 12) * 2.0**120,
    ],
    ids=["zeros", "unrelated", "constant", "all alike", "bytes", "huge"],
)
@pytest.mark.parametrize("centre", [True, False])
def test_features_that_say_nothing_make_an_order(inputs, centre):
    order = grid_order(inputs, (3, 4), centre=centre)
    assert torch.equal(order.sort().values, torch.arange(12))


def test_bodies_that_are_not_the_features_are_refused():
    with pytest.raises(ValueError, match="expected bodies of 12 features in all, got 3x5"):
        grid_order(torch.rand(5, 12), (3, 5), centre=True)
    with pytest.raises(ValueError, match="expected examples"):
        grid_order(torch.rand(0, 12), (3, 4), centre=True)


def test_more_than_two_bodies_make_the_grid_nearest_to_a_square():
    assert grid_shape((28, 28)) == (28, 28)
    assert grid_shape((4, 7, 4, 7)) == (28, 28)
    assert grid_shape((7, 7, 16)) == (49, 16)
    assert grid_shape((5, 4, 100)) == (20, 100)
    assert grid_shape((784,)) == (784, 1)


def test_places_go_to_the_nearest_cells():
    places = np.array([[0.4, -1.1], [-0.4, 0.1], [0.6, 0.9]])
    assert nearest_cells(places, (2, 3)).tolist() == [3, 1, 5]


def test_a_large_grid_is_improved_part_by_part():
    shape = (40, 36)  # parts of 20 x 18
    alike = np.kron(chain(40, 0.5).numpy(), chain(36, 0.5).numpy()) - np.eye(1440, dtype=np.float32)
    cells = np.arange(1440).reshape(shape)
    cells[:, 16:20] = cells[:, [18, 19, 16, 17]]  # across the border of two parts
    mended = improve(alike, cells.ravel(), shape, (2.0, 1.4, 1.0))
    assert np.array_equal(mended, np.arange(1440))
