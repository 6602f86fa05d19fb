"""Calibration data in two parts that share no row."""

import pytest
import torch

from qimlp.training.distillation.held_out import split


def rows(part):
    tensors = [batch if isinstance(batch, torch.Tensor) else batch[0] for batch in part]
    return torch.cat(tensors)[:, 0].tolist()


@pytest.mark.parametrize(
    ("batches", "size", "held"), [(17, 3, 6), (3, 16, 6), (1, 2, 1), (7, 4, 7)]
)
def test_every_row_is_in_one_part(batches, size, held):
    data = torch.arange(float(batches * size)).view(-1, 1).split(size)
    parts = split(data)
    assert parts.apart
    fitted, compared = rows(parts.fitted_on), rows(parts.compared_on)
    assert len(compared) == held
    assert sorted(fitted + compared) == rows(data)
    assert len(list(parts.fitted_on)) == len(parts.fitted_on)
    assert len(list(parts.compared_on)) == len(parts.compared_on)
    assert rows(parts.fitted_on) == fitted


def test_mappings_are_parted_with_all_that_has_rows():
    batch = {"a": torch.arange(8.0).view(8, 1), "mask": torch.arange(8), "flag": True, "t": None}
    parts = split([batch])
    (held,) = parts.compared_on
    assert held["a"].tolist() == [[7.0]]
    assert held["mask"].tolist() == [7]
    assert held["flag"] is True
    assert held["t"] is None


def test_single_rows_stay_whole():
    batches = [torch.ones(1, 2)] * 3
    parts = split(batches)
    assert not parts.apart
    assert parts.fitted_on is batches
    assert split([torch.ones(1, 2)] * 8).apart
