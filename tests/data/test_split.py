import pytest
import torch

from qimlp.data import TensorSplit, split_dev
from qimlp.data.seeds import mixed_seed, permutation
from qimlp.data.split import set_test_aside


def rows(split: TensorSplit) -> list[int]:
    return split.inputs[:, 0].int().tolist()


def test_dev_is_a_seeded_fifth_and_nothing_is_lost(table_split):
    train, dev = split_dev(table_split, seed=3)
    assert len(dev) == 21
    assert sorted(rows(train) + rows(dev)) == list(range(103))
    assert dev.labels.tolist() == [row % 4 for row in rows(dev)]
    again, _ = split_dev(table_split, seed=3)
    other, _ = split_dev(table_split, seed=4)
    assert rows(again) == rows(train)
    assert rows(other) != rows(train)


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, 1.5, 0.001, 0.999])
def test_dev_fraction_that_leaves_a_side_empty(table_split, fraction):
    with pytest.raises(ValueError, match="dev fraction"):
        split_dev(table_split, fraction, seed=0)


def test_test_rows_are_a_fifth_of_each_class(table_split):
    train, test = set_test_aside(table_split, seed=0)
    assert sorted(rows(train) + rows(test)) == list(range(103))
    assert rows(train) == sorted(rows(train))
    assert torch.bincount(test.labels).tolist() == [5, 5, 5, 5]
    assert rows(set_test_aside(table_split, seed=1)[1]) != rows(test)


def test_rare_classes_stay_in_train():
    labels = torch.tensor([0] * 10 + [1] * 2 + [2])
    train, test = set_test_aside(TensorSplit(torch.zeros(13, 1), labels), seed=0)
    assert torch.bincount(test.labels).tolist() == [2]
    assert torch.bincount(train.labels).tolist() == [8, 2, 1]


def test_too_few_rows_to_set_any_aside():
    with pytest.raises(ValueError, match="too few"):
        set_test_aside(TensorSplit(torch.zeros(4, 1), torch.tensor([0, 0, 1, 1])), seed=0)


def test_seeds_mix():
    assert mixed_seed(0, 1) != mixed_seed(1, 0)
    assert permutation(50, 0, 1).tolist() != permutation(50, 1, 0).tolist()
    assert permutation(50, 7).tolist() == permutation(50, 7).tolist()
    with pytest.raises(ValueError, match="got -1"):
        mixed_seed(3, -1)
