import pytest
import torch

from qimlp.data import DataSet, TensorSplit
from qimlp.data.dataset import fingerprint


def split_of(inputs: torch.Tensor) -> TensorSplit:
    return TensorSplit(inputs, torch.arange(len(inputs)) % 2)


@pytest.mark.parametrize(
    ("inputs", "labels", "error", "message"),
    [
        (torch.zeros(2, 3, dtype=torch.float64), torch.zeros(2).long(), TypeError, "float64"),
        (torch.zeros(2, 3), torch.zeros(2, dtype=torch.int32), TypeError, "int64 labels"),
        (torch.zeros(2, 3), torch.zeros(3).long(), ValueError, r"\(2, 3\) and \(3,\)"),
        (torch.zeros(2, 3, 4), torch.zeros(2).long(), ValueError, "in_features"),
        (torch.zeros(0, 3), torch.zeros(0).long(), ValueError, "at least one example"),
        (torch.zeros(3, 2).t(), torch.zeros(2).long(), ValueError, "contiguous"),
        (torch.tensor([[1.0], [float("nan")]]), torch.zeros(2).long(), ValueError, "NaN"),
        (torch.tensor([[1.0], [float("inf")]]), torch.zeros(2).long(), ValueError, "infinite"),
        (torch.zeros(2, 3), torch.tensor([0, -1]), ValueError, "got -1"),
        (torch.zeros(2, 3, device="meta"), torch.zeros(2).long(), ValueError, "CPU"),
    ],
)
def test_a_split_refuses(inputs, labels, error, message):
    with pytest.raises(error, match=message):
        TensorSplit(inputs, labels)


def make(train, test, names=("a", "b"), shape=(3,)) -> DataSet:
    return DataSet("toy", train, test, names, shape, "0" * 64, "nowhere")


def test_properties():
    data = make(split_of(torch.zeros(4, 12)), split_of(torch.zeros(2, 12)), shape=(3, 2, 2))
    assert (data.in_features, data.task.num_outputs) == (12, 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"shape": (4,)}, "expected 4 features"),
        ({"names": ("a",)}, "label 1 in the train split is out of range"),
        ({"test": split_of(torch.zeros(2, 3).byte())}, "one dtype"),
    ],
)
def test_a_data_set_refuses_parts_that_disagree(arguments, message):
    parts = {"train": split_of(torch.zeros(4, 3)), "test": split_of(torch.zeros(2, 3))}
    with pytest.raises(ValueError, match=message):
        make(**{**parts, **arguments})


def test_fingerprint_sees_every_change():
    base = split_of(torch.arange(6.0).reshape(2, 3))
    changed = split_of(torch.tensor([[0.0, 1, 2], [3, 4, 6]]))
    relabelled = TensorSplit(base.inputs, torch.tensor([1, 1]))
    reshaped = TensorSplit(base.inputs.reshape(2, 3), base.labels)
    prints = [
        fingerprint(base, base, ("a", "b")),
        fingerprint(base, changed, ("a", "b")),
        fingerprint(changed, base, ("a", "b")),
        fingerprint(relabelled, base, ("a", "b")),
        fingerprint(base, base, ("a", "c")),
    ]
    assert len(set(prints)) == len(prints)
    assert fingerprint(reshaped, base, ("a", "b")) == prints[0]
