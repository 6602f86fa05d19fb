import pytest
import torch

from qimlp.data.features.ordering import spectral_order


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


@pytest.mark.parametrize("varying", [0, 1, 2, 10])
@pytest.mark.parametrize("features", [100, 784])
def test_constant_features_come_last(features, varying):
    inputs = torch.full((60, features), 0.3)
    places = torch.arange(varying) * 7 + 3
    generator = torch.Generator().manual_seed(0)
    inputs[:, places] = torch.randn(60, varying, generator=generator)
    order = spectral_order(inputs, centre=True)
    assert sorted(order[:varying].tolist()) == places.tolist()
    assert sorted(order.tolist()) == list(range(features))
    assert order[varying:].tolist() == sorted(order[varying:].tolist())


def test_where_nothing_is_similar_there_is_an_order_still():
    order = spectral_order(torch.eye(200), centre=False)
    assert sorted(order.tolist()) == list(range(200))


def test_one_example_and_huge_numbers():
    assert spectral_order(torch.randn(1, 100), centre=True).tolist() == list(range(100))
    inputs = blocks(5, 20)[0]
    expected = spectral_order(inputs, centre=True)
    assert torch.equal(spectral_order(inputs * 2.0**80, centre=True), expected)
