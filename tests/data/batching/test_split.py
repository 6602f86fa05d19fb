import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from qimlp.data import TensorSplit, split_dev
from qimlp.data.batching.seeds import mixed_seed, permutation
from qimlp.data.batching.split import dev_rows, set_test_aside


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


def test_blocks_are_unbroken_runs_of_each_class():
    labels = torch.tensor([1] * 10 + [0] * 5 + [1] * 5)
    blocks = []
    for seed in range(5):
        train, dev = dev_rows(labels, 0.2, seed=seed, by="blocks")
        assert sorted(train.tolist() + dev.tolist()) == list(range(20))
        assert torch.bincount(labels[dev]).tolist() == [1, 3]
        ones = dev[labels[dev] == 1]
        order = torch.where(labels == 1)[0].tolist()
        begin = order.index(int(ones[0]))
        assert order[begin : begin + 3] == ones.tolist()
        blocks += dev.tolist()
    assert sorted(blocks) == list(range(20))
    again = dev_rows(labels, 0.2, seed=6, by="blocks")[1]
    assert torch.equal(again, dev_rows(labels, 0.2, seed=1, by="blocks")[1])


@given(
    classes=st.lists(st.integers(0, 3), min_size=20, max_size=60),
    fraction=st.floats(0.1, 0.6),
    seed=st.integers(0, 50),
)
def test_blocks_hold_the_fraction_of_each_class(classes, fraction, seed):
    labels = torch.tensor(classes)
    assume(float(fraction * torch.bincount(labels).max()) >= 1)  # else all blocks may be empty
    train, dev = dev_rows(labels, fraction, seed=seed, by="blocks")
    assert sorted(train.tolist() + dev.tolist()) == list(range(len(classes)))
    wanted = fraction * torch.bincount(labels)
    assert ((torch.bincount(labels[dev], minlength=len(wanted)) - wanted).abs() <= 1).all()


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
