import pytest
import torch

from qimlp.data.ordering import spectral_order


def blocks(groups: int, size: int, rows: int = 400, seed: int = 0):
    """Features in groups that share a hidden cause, shuffled; with each feature's group."""
    random = torch.Generator().manual_seed(seed)
    causes = torch.randn(rows, groups, generator=random)
    group = torch.arange(groups).repeat_interleave(size)[
        torch.randperm(groups * size, generator=random)
    ]
    noise = torch.randn(rows, groups * size, generator=random)
    return causes[:, group] + 0.5 * noise, group


@pytest.mark.parametrize(("groups", "size"), [(2, 8), (4, 8), (8, 16)])
def test_features_with_a_common_cause_become_neighbours(groups, size):
    inputs, group = blocks(groups, size)
    order = spectral_order(inputs, centre=True)
    found = group[order].view(groups, size)
    assert all(len(set(row.tolist())) == 1 for row in found)


@pytest.mark.parametrize("features", [1, 2, 5, 64, 65, 200])
def test_it_is_an_order_and_always_the_same(features):
    inputs = torch.rand(50, features, generator=torch.Generator().manual_seed(1))
    order = spectral_order(inputs, centre=False)
    assert torch.equal(order.sort().values, torch.arange(features))
    assert torch.equal(order, spectral_order(inputs, centre=False))


def test_constant_features_do_no_harm():
    inputs, _ = blocks(2, 8)
    inputs[:, 3] = 0
    order = spectral_order(inputs, centre=True)
    assert torch.equal(order.sort().values, torch.arange(16))


def test_examples_must_be_a_matrix():
    with pytest.raises(ValueError, match=r"expected examples \(N, F\)"):
        spectral_order(torch.zeros(0, 4), centre=True)
