"""Cutting Schmidt spectra."""

import pytest
import torch
from torch import nn

from qimlp.correlation import schmidt_rank, schmidt_truncate, truncation_curves
from qimlp.correlation.networks.truncation import default_ranks
from tests.correlation.example_networks import Convolution, inputs, network
from tests.correlation.example_states import random_vectors

CLOSE = {"rtol": 0, "atol": 1e-10}


@pytest.mark.parametrize("dims", [(4, 4), (3, 5), (5, 3)])
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_two_bodies_are_cut_to_the_nearest_vector_of_that_rank(dims, rank):
    x = random_vectors(2, 6, dims[0] * dims[1], dtype=torch.complex128)
    cut = schmidt_truncate(x, dims, rank)
    u, s, v = torch.linalg.svd(x.reshape(2, 6, *dims), full_matrices=False)
    s[..., rank:] = 0
    expected = (u * s.unsqueeze(-2)) @ v
    torch.testing.assert_close(cut, expected.flatten(-2), **CLOSE)
    assert (schmidt_rank(cut, dims, tolerance=1e-8) == rank).all()


def test_three_bodies_are_cut_in_every_direction():
    x = random_vectors(5, 27)
    cut = schmidt_truncate(x, (3, 3, 3), 2)
    for body in range(3):
        assert (schmidt_rank(cut, (3, 3, 3), body, tolerance=1e-8) == 2).all()
    assert ((x - cut).norm(dim=1) < x.norm(dim=1)).all()


def test_full_rank_and_zero_vectors_stay():
    x = torch.cat([random_vectors(2, 12, dtype=torch.float32), torch.zeros(1, 12)])
    torch.testing.assert_close(schmidt_truncate(x, (3, 4), 3), x, rtol=0, atol=0)
    assert torch.equal(schmidt_truncate(x, (3, 4), 1)[2], torch.zeros(12))
    assert schmidt_truncate(x, (3, 4), 1).dtype == torch.float32


def test_default_ranks():
    assert default_ranks((28, 28)) == [1, 2, 4, 8, 16, 28]
    assert default_ranks((64, 48)) == [1, 2, 4, 8, 16, 32, 48]
    assert default_ranks((4, 4)) == [1, 2, 4]


def test_accuracy_at_each_rank():
    model, x = network(), inputs(90)
    with torch.no_grad():
        labels = model(x).argmax(1)
        labels[:9] = (labels[:9] + 1) % 4  # so that the network is right on 81 of 90
        first = model.layers[:2](x)
        expected = [
            float(
                (model.layers[2:](schmidt_truncate(first, (3, 4), r)).argmax(1) == labels)
                .double()
                .mean()
            )
            for r in (1, 2, 3)
        ]
    curves = truncation_curves(model, zip(x.split(40), labels.split(40), strict=True))
    assert [str(curve.place) for curve in curves] == [
        "layers.0 (3x4), after the activation",
        "layers.2 (4x3), after the activation",
    ]
    for curve in curves:
        assert curve.full.mean == pytest.approx(0.9)
        assert [p.rank for p in curve.points] == [1, 2, 3]
        assert curve.points[-1].accuracy.mean == pytest.approx(0.9)
        assert curve.points[-1].permuted_accuracy.mean == pytest.approx(0.9)
        assert curve.points[-1].kept == pytest.approx(1)
        kept = [p.kept for p in curve.points]
        assert kept == sorted(kept)
    assert [p.accuracy.mean for p in curves[0].points] == pytest.approx(expected)
    assert not any(module._forward_hooks for module in model.modules())


def test_other_models_ranks_and_limits():
    model = nn.Sequential(nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, 3))
    data = [(random_vectors(30, 6, dtype=torch.float32), torch.zeros(30, dtype=torch.int64))]
    (curve,) = truncation_curves(model, data, layers={"0": (2, 3)}, ranks=[2, 1], max_samples=12)
    assert [p.rank for p in curve.points] == [1, 2]
    assert curve.full.count == 12
    with pytest.raises(ValueError, match=r"expected \(inputs, labels\) batches"):
        truncation_curves(model, data[0][0], layers={"0": (2, 3)})
    with pytest.raises(ValueError, match="expected at least one example"):
        truncation_curves(model, [], layers={"0": (2, 3)})
    with pytest.raises(ValueError, match="ranks: expected an integer of at least 1, got 0"):
        truncation_curves(model, data, layers={"0": (2, 3)}, ranks=[0])


def test_outputs_with_several_axes():
    x = torch.randn(4, 3, 6, generator=torch.Generator().manual_seed(0))
    model = Convolution()
    with torch.no_grad():
        labels = model(x).argmax(1)
    (curve,) = truncation_curves(model, [(x, labels)], layers={"block.0": (2, 3)})
    assert curve.points[-1].accuracy.mean == 1
