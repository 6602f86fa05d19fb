"""What the program for shuffled pixels counts."""

import torch

from benchmarks.grid_order.__main__ import _kept


def test_neighbours_are_counted_where_both_pixels_vary():
    inputs = torch.arange(2.0)[:, None].expand(2, 784).clone()
    in_place = torch.arange(784)
    assert _kept(inputs, in_place) == 1.0
    assert _kept(inputs, in_place.view(28, 28).T.flip(0).flatten()) == 1.0  # turned
    swapped = in_place.clone()
    swapped[[0, 783]] = torch.tensor([783, 0])  # both lose their two neighbours
    assert _kept(inputs, swapped) == 1 - 4 / 1512
    inputs[:, [0, 783]] = 0.0
    assert _kept(inputs, swapped) == 1.0
