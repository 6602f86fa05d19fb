import torch

from qimlp.data import load


def test_digits_are_fixed():
    data = load("digits")
    assert (len(data.train), len(data.test)) == (1438, 359)
    assert data.feature_shape == (8, 8)
    assert data.class_names == tuple("0123456789")
    assert data.test_origin == "20 % of the examples of each class, set aside by seed 0"
    assert data.train.inputs.dtype == torch.float32
    assert (data.train.inputs.min(), data.train.inputs.max()) == (0, 16)
    counts = torch.bincount(data.test.labels)
    assert counts.min() >= 34
    assert counts.max() <= 37


def test_split_seed_changes_only_who_is_test():
    first, second = load("digits"), load("digits", split_seed=1)
    assert first.fingerprint == load("digits").fingerprint != second.fingerprint
    totals = [
        torch.cat([data.train.inputs, data.test.inputs]).sum().item() for data in (first, second)
    ]
    assert totals[0] == totals[1]
